# SPDX-License-Identifier: Apache-2.0
# What the C library still holds is written by exit(), after Python's own output.
import ctypes

libc = ctypes.CDLL(None)
libc.printf(b"from C, buffered\n")
print("from Python")
