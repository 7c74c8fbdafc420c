# SPDX-License-Identifier: Apache-2.0
# The guard on decimal digits, and the ways around it.
import sys

print(sys.get_int_max_str_digits(), sys.int_info.default_max_str_digits, sys.int_info.str_digits_check_threshold)
big = 1 << 20000
for f in (lambda: str(big), lambda: int("9" * 5000), lambda: f"{big}", lambda: repr([big]), lambda: "%d" % big):
    try:
        f()
    except ValueError as e:
        print(e)
print(len(hex(big)), int("f" * 5000, 16).bit_length(), len(big.to_bytes(2501, "big")))
sys.set_int_max_str_digits(0)
print(len(str(big)), hash(str(big)) == hash(str(1 << 20000)))
sys.set_int_max_str_digits(700)
print("7" * 700 == str(int("7" * 700)), big)
