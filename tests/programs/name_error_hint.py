# SPDX-License-Identifier: Apache-2.0
# "Did you mean" works on names, attributes and imports.
import math

number = 3
try:
    math.sqr(4)
except AttributeError as e:
    print(e)
print(numbr)
