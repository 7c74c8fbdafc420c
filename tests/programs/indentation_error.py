# SPDX-License-Identifier: Apache-2.0
# An unexpected indent.
if True:
    x = 1
      y = 2
print(x, y)
