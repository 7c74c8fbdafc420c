# SPDX-License-Identifier: Apache-2.0
# No more in sys.modules than a fresh interpreter has and the preloaded ones bring; and these work when they are imported.
import sys

before = set(sys.modules)
import subprocess

PRELOADED = "json re random datetime collections math itertools functools typing dataclasses"
import collections, dataclasses, datetime, functools, itertools, json, math, random, re, typing

fresh = subprocess.check_output([sys.executable, "-c", f"import sys, {PRELOADED.replace(' ', ',')}; print(*sys.modules)"], text=True).split()
print(sorted(before - set(fresh) - {"gc"}), {"os", "sys", "site"} <= before, "subprocess" in before, "threading" in before)
for name in ("json", "re", "random"):
    module = sys.modules[name]
    print(name, module.__file__, module.__spec__.name, module.__spec__.origin, type(module.__loader__).__name__)
del sys.modules["json"]
import json as again

print(again is json, again.loads("[1]") == json.loads("[1]"))
import importlib

print(importlib.reload(re) is re, re.findall(r"\d", "a1b2"))
