# SPDX-License-Identifier: Apache-2.0
# weakref.finalize, atexit, __del__ of globals, cycles and modules, in Python's own order.
import atexit
import gc
import sys
import types
import weakref


class Speaks:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name, sys is not None and sys.is_finalizing())


first, last = Speaks("a global"), Speaks("a later global")
_hidden = Speaks("a global with an underscore")
cycle = [Speaks("in a cycle")]
cycle.append(cycle)
Speaks.of_class = Speaks("of a class")
module = types.ModuleType("made")
module.inside = Speaks("in a module of sys.modules")
sys.modules["made"] = module
del module
watched = types.ModuleType("watched")
weakref.finalize(watched, print, "finalize at exit")
weakref.finalize(watched, print, "not at exit").atexit = False
atexit.register(print, "atexit one")
atexit.register(lambda: print("atexit two", gc.isenabled(), sys.is_finalizing()))
weakref.finalize(Speaks("short"), print, "finalize now")
del cycle
print("end of the script", gc.get_threshold(), gc.isenabled(), gc.callbacks, gc.get_debug(), gc.garbage)
