# SPDX-License-Identifier: Apache-2.0
# What cannot be had at all is a MemoryError, and the program goes on.
try:
    bytearray(1 << 60)
except (MemoryError, OverflowError) as e:
    print(type(e).__name__)
x = [0] * 1_000_000
print(len(x), sum(x))
"a" * (1 << 62)
