# SPDX-License-Identifier: Apache-2.0
# Objects that only the interpreter's own state keeps alive are finalized after the modules are gone.
import codecs
import contextvars
import os
import sys
import threading


class Late:
    def __init__(self, name, out=os.write):
        self.name, self.out = name, out

    def __call__(self, *args):
        return ("", 0)

    def __del__(self):
        self.out(1, f"{self.name} goes\n".encode())


contextvars.ContextVar("held").set(Late("context variable"))
codecs.register_error("held", Late("codec error handler"))
os.register_at_fork(before=Late("at fork"))
threading.local().held = Late("thread local")
sys.held = Late("attribute of sys")
cycle = [Late("cycle")]
cycle.append(cycle)
del cycle
print("the script ends")
