# SPDX-License-Identifier: Apache-2.0
# 600,000 characters in one go: much, and within the limit.
for i in range(6000):
    print("%06d" % i, "x" * 92)
