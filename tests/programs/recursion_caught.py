# SPDX-License-Identifier: Apache-2.0
# A RecursionError is an ordinary exception: the program goes on.
import sys

deepest = 0


def down(n):
    global deepest
    deepest = n
    down(n + 1)


try:
    down(0)
except RecursionError as e:
    print(type(e).__name__, e, sys.getrecursionlimit(), deepest > 900)
sys.setrecursionlimit(5000)


def count(n):
    return 0 if n == 0 else 1 + count(n - 1)


print(count(4000))
