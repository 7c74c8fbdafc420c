# SPDX-License-Identifier: Apache-2.0
# Integers far past 64 bits, and the guard on their decimal form.
import math

print(2**512)
print(math.factorial(60) // math.factorial(57))
print(pow(3, 10**5, 10**9 + 7), (1 << 200).bit_length(), math.isqrt(10**40))
try:
    str(10**5000)
    print("no digit limit in this version")
except ValueError as e:
    print(str(e)[:30])
