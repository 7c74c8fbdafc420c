# SPDX-License-Identifier: Apache-2.0
# A module in the program's folder hides one of the standard library from a new interpreter.
import subprocess
import sys

with open("colorsys.py", "w") as f:
    f.write("print('ours'); VALUE = 1\n")
with open("random.py", "w") as f:
    f.write("print('our random')\ndef random(): return 4\n")
import colorsys

print(colorsys.VALUE, colorsys.__file__)
with open("main.py", "w") as f:
    f.write("import random, colorsys\nprint(random.random(), random.__file__)\n")
print(subprocess.run([sys.executable, "main.py"], capture_output=True, text=True).stdout)
print(subprocess.run([sys.executable, "-I", "-c", "import random; print(random.__file__)"], capture_output=True, text=True).stdout)
