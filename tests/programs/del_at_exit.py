# SPDX-License-Identifier: Apache-2.0
# Globals of the main module are finalised in order, and with what they still can reach.
import weakref


class Box:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name)


a = Box("a")
b = Box("b")
weakref.finalize(a, print, "finalizer of a")
_private = Box("private")
cycle = [Box("in a cycle")]
cycle.append(cycle)
print("end of main")
