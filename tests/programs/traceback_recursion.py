# SPDX-License-Identifier: Apache-2.0
# RecursionError: the repeated lines are folded.
def down(n):
    return down(n + 1)


print("going down")
down(0)
