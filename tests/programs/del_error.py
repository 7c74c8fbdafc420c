# SPDX-License-Identifier: Apache-2.0
# An exception in __del__ is ignored, and said on stderr.
class Bad:
    def __del__(self):
        raise RuntimeError("in del")


x = Bad()
del x
print("after")
