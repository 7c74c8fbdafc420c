# SPDX-License-Identifier: Apache-2.0
# breakpoint() at end of file: the debugger gives up with its own traceback.
def f():
    x = 1
    breakpoint()
    return x


f()
