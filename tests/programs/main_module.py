# SPDX-License-Identifier: Apache-2.0
# What a main module is: its name, its file, its globals, and nothing else; imported by name it is another module.
import sys

if __name__ == "__main__":
    x: int = 1
    print(__file__, __doc__, __package__, __spec__, __annotations__, __builtins__.__name__, __cached__)
    print(type(__loader__).__name__, sorted(globals()))
    print(sys.modules["__main__"].__dict__ is globals(), "script" in sys.modules)
    import script
else:
    print("imported as", __name__, __file__, __spec__.name, sys.modules["__main__"].x)
