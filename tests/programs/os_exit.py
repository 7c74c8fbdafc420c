# SPDX-License-Identifier: Apache-2.0
# os._exit: no flush, no atexit.
import atexit
import os
import sys

atexit.register(print, "never")
sys.stdout.write("lost in the buffer\n")
os.write(1, b"written at once\n")
os._exit(6)
