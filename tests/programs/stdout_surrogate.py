# SPDX-License-Identifier: Apache-2.0
# A lone surrogate that stands for no byte cannot be printed.
print("before")
print("\ud800")
