# SPDX-License-Identifier: Apache-2.0
# Killed by its own SIGKILL: not to be taken for a memory limit.
import os

print("x", flush=True)
os.kill(os.getpid(), 9)
