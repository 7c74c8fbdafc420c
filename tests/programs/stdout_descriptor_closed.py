# SPDX-License-Identifier: Apache-2.0
# Descriptor 1 is closed behind Python's back.
import os

print("never seen", flush=False)
os.close(1)
