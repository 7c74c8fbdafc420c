# SPDX-License-Identifier: Apache-2.0
# Assertions are on.
def check(x):
    assert x > 0, f"x is {x}"
    print("positive")


print(__debug__)
check(1)
check(-1)
