# SPDX-License-Identifier: Apache-2.0
# An exception in a handler is printed; the others still run; the status stays.
import atexit


def bad():
    raise ValueError("in a handler")


atexit.register(print, "still called")
atexit.register(bad)
print("main ends")
