# SPDX-License-Identifier: Apache-2.0
# The smallest program there is.
print("Hello, world!")
print(2 + 2)
