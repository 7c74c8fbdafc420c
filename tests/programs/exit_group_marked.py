# SPDX-License-Identifier: Apache-2.0
# A child calls exit_group as our own guests do last of all: that ends the child, and nobody else.
import ctypes
import os
import sys

libc = ctypes.CDLL(None)
libc.syscall.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_ulong]
child = os.fork()
if child == 0:
    libc.syscall(231, 4, 0x5AFE0E7D1A57CA11)
    os._exit(99)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
print("the last line", file=sys.stderr)
sys.exit(7)
