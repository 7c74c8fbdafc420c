# SPDX-License-Identifier: Apache-2.0
# A script that does not compile: nothing of it runs.
print("never printed")

def broken(:
    return 1
