# SPDX-License-Identifier: Apache-2.0
# A traceback through three functions, with source lines and a repeated frame.
import sys


def outer(n):
    return middle(n) + 1


def middle(n):
    if n:
        return middle(n - 1)
    return inner({"key": n})


def inner(table):
    return table["missing"] / len(table)


print("before", flush=True)
sys.stderr.write("about to fail\n")
outer(3)
