# SPDX-License-Identifier: Apache-2.0
# Windows line ends, a form feed and a backslash continuation in the source.
print("one")

total = 1 + \
    2
print(total, """two
lines""")
