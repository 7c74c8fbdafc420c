# SPDX-License-Identifier: Apache-2.0
# Every module of the standard library: it can be imported, or fails as anywhere.
import importlib
import sys
import warnings

warnings.simplefilter("ignore")
LEFT = {"antigravity", "this", "idlelib", "lib2to3", "test"}
for name in sorted(sys.stdlib_module_names - LEFT):
    if name.startswith("_") and name not in sys.builtin_module_names and name not in ("_thread", "__future__"):
        continue
    try:
        importlib.import_module(name)
    except BaseException as e:
        print(name, type(e).__name__, e)
print(len([n for n in sys.stdlib_module_names if n in sys.modules]) > 180)
