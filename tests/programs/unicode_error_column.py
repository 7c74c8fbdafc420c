# SPDX-License-Identifier: Apache-2.0
# Carets under the failing part of a line, with wide and accented characters before it.
def f(a, b):
    return len("äöü漢字") + a / b


print(f(1, 2))
print(f(1, 0) + f(2, 0))
