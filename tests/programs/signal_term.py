# SPDX-License-Identifier: Apache-2.0
# Killed by its own SIGTERM: no handler, no flush, no atexit.
import atexit
import os
import signal

atexit.register(print, "never")
os.write(1, b"before\n")
os.kill(os.getpid(), signal.SIGTERM)
print("never")
