# SPDX-License-Identifier: Apache-2.0
# ctypes: libc, libm found by name, structures, callbacks, errno.
import ctypes
import ctypes.util
import os

libc = ctypes.CDLL(None, use_errno=True)
print(libc.abs(-5), libc.strlen(b"hello"), libc.getpid() == os.getpid(), ctypes.util.find_library("m"), ctypes.util.find_library("c"))
libm = ctypes.CDLL("libm.so.6")
libm.cos.restype, libm.cos.argtypes = ctypes.c_double, [ctypes.c_double]
print(libm.cos(0.0))


class Div(ctypes.Structure):
    _fields_ = [("quot", ctypes.c_int), ("rem", ctypes.c_int)]


libc.div.restype = Div
print(libc.div(17, 5).quot, libc.div(17, 5).rem)
numbers = (ctypes.c_int * 5)(5, 1, 4, 2, 3)
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(lambda a, b: a[0] - b[0])
libc.qsort(numbers, 5, ctypes.sizeof(ctypes.c_int), compare)
print(list(numbers), libc.open(b"/nowhere", 0), os.strerror(ctypes.get_errno()))
libc.printf(b"printf of libc: %d\n", ctypes.c_int(7))
libc.fflush(None)
