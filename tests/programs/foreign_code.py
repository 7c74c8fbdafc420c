# SPDX-License-Identifier: Apache-2.0
# ctypes: structures, callbacks, errno, strings, arrays, finding libraries, and crashing in a child.
import ctypes
import ctypes.util
import os
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int16), ("y", ctypes.c_double), ("bits", ctypes.c_uint, 3)]


print(ctypes.sizeof(Point), Point.y.offset, bytes(Point(1, 2.0, 9))[:2], Point(1, 2.0, 9).bits)
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(lambda a, b: a[0] - b[0])
numbers = (ctypes.c_int * 5)(5, 3, 1, 4, 2)
libc.qsort(numbers, 5, ctypes.sizeof(ctypes.c_int), compare)
print(list(numbers), libc.open(b"/nonexistent", 0), os.strerror(ctypes.get_errno()))
libc.strlen.argtypes, libc.strlen.restype = [ctypes.c_char_p], ctypes.c_size_t
buffer = ctypes.create_string_buffer(b"abc", 10)
print(libc.strlen(buffer), ctypes.string_at(buffer, 2), ctypes.util.find_library("c"), ctypes.util.find_library("nothing"))
print(ctypes.pythonapi.Py_GetVersion and ctypes.py_object("x").value, ctypes.c_uint8(257).value, ctypes.cast(buffer, ctypes.c_void_p).value > 0)
try:
    libc.strlen(5.5)
except ctypes.ArgumentError as e:
    print(e)
try:
    ctypes.CDLL("libnothing.so")
except OSError as e:
    print(e)
print(subprocess.run([sys.executable, "-X", "faulthandler", "-c", "import ctypes; ctypes.string_at(0)"], stderr=subprocess.PIPE).returncode)
libc.printf(b"from C %d\n", 7)
libc.fflush(None)
