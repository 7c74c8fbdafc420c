# SPDX-License-Identifier: Apache-2.0
# Modules out of a zip, compiled ones, namespace packages, import hooks, lazy and relative imports, circular ones.
import importlib.abc
import importlib.util
import os
import py_compile
import sys
import zipfile

with zipfile.ZipFile("lib.zip", "w") as z:
    z.writestr("zipped.py", "import sys\ndef where(): return __file__\ndef fail(): return 1 / 0\n")
sys.path.insert(0, "lib.zip")
import zipped

print(zipped.where(), type(zipped.__loader__).__name__)
for folder in ("one/ns", "two/ns", "pack"):
    os.makedirs(folder)
for path, text in {"one/ns/a.py": "A = 1", "two/ns/b.py": "B = 2", "pack/__init__.py": "from . import left", "pack/left.py": "from . import right\nL = 1",
                   "pack/right.py": "from .left import L"}.items():
    with open(path, "w") as f:
        f.write(text)
sys.path += ["one", "two"]
import ns.a, ns.b

print(ns.a.A, ns.b.B, list(map(str, ns.__path__)), ns.__file__)
try:
    import pack
except ImportError as e:
    print(e)
with open("source.py", "w") as f:
    f.write("X = __file__")
compiled = py_compile.compile("source.py", cfile="compiled.pyc")
spec = importlib.util.spec_from_file_location("compiled", compiled)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module.X, spec.loader.__class__.__name__)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        return importlib.util.spec_from_loader(name, self) if name == "from_nowhere" else None

    def exec_module(self, module):
        module.x = "made up"


sys.meta_path.insert(0, Finder())
import from_nowhere

print(from_nowhere.x, from_nowhere)
try:
    import ns.nothing
except ModuleNotFoundError as e:
    print(e, e.name, e.path)
try:
    from os import nothing
except ImportError as e:
    print(e)
zipped.fail()
