# SPDX-License-Identifier: Apache-2.0
# Modules and packages that the script writes into its folder; the bytecode cache is written.
import importlib
import os
import sys

os.mkdir("shop")
for name, text in (("shop/__init__.py", "from .till import total\n"), ("shop/till.py", "def total(items):\n    return sum(items)\n"),
                   ("shop/__main__.py", "print('run as', __name__)\n"), ("lone.py", "VALUE = 1\n")):
    with open(name, "w") as f:
        f.write(text)
importlib.invalidate_caches()
import shop

print(shop.total([1, 2, 3]), shop.__file__, shop.till.__name__)
import runpy

runpy.run_module("shop", run_name="__main__")
import lone

lone.VALUE = 5
importlib.reload(lone)
print(lone.VALUE, sorted(os.listdir()), "lone" in sys.modules)
