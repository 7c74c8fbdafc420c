# SPDX-License-Identifier: Apache-2.0
# contextvars, contextlib, weakref, gc, copy, suppress, ExitStack.
import contextlib
import contextvars
import copy
import gc
import weakref

var = contextvars.ContextVar("var", default="default")
context = contextvars.copy_context()
context.run(var.set, "inner")
print(var.get(), context[var])


@contextlib.contextmanager
def step(name):
    print("in", name)
    try:
        yield
    finally:
        print("out", name)


with contextlib.ExitStack() as stack:
    for n in "abc":
        stack.enter_context(step(n))
    stack.callback(print, "callback")
with contextlib.suppress(ZeroDivisionError):
    1 / 0


class Node:
    pass


a = Node()
a.me = a
r = weakref.ref(a)
del a
gc.collect()
print(r() is None, gc.isenabled(), gc.get_threshold())
x = [1, [2]]
y = copy.deepcopy(x)
y[1].append(3)
print(x, y, gc.get_count()[2] >= 0)
