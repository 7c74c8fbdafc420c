# SPDX-License-Identifier: Apache-2.0
# A child makes the call by which our own guests tell of their end, last of all: nobody's end comes of it.
import ctypes
import os
import sys

libc = ctypes.CDLL(None)
libc.syscall.argtypes = [ctypes.c_long, ctypes.c_ulong, ctypes.c_long]
child = os.fork()
if child == 0:
    libc.syscall(111, 0x5AFE0E7D1A57CA11, 4)
    os._exit(99)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
print("the last line", file=sys.stderr)
sys.exit(7)
