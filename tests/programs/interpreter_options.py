# SPDX-License-Identifier: Apache-2.0
# Options of a child interpreter, its environment, and programs on its standard input.
import os
import subprocess
import sys


def run(*args, **more):
    r = subprocess.run([sys.executable, *args], capture_output=True, text=True, **more)
    print(args, r.returncode, r.stdout.strip(), r.stderr.strip().splitlines()[-1:])


run("-c", "import sys; print(sys.flags, sys.argv)", "a", "-b")
run("-I", "-S", "-c", "import sys; print(sys.flags.isolated, sys.path, 'site' in sys.modules)")
run("-OO", "-c", "def f():\n 'doc'\n assert 0\nprint(f(), f.__doc__, __debug__)")
run("-W", "error", "-c", "import warnings; warnings.warn('x')")
run("-X", "dev", "-c", "import sys; print(sys.flags.dev_mode, sys._xoptions)")
run("-X", "utf8=0", "-c", "import sys; print(sys.flags.utf8_mode)")
run("-", "x", input="import sys; print(sys.argv, __name__, '__file__' in globals())")
run("-u", "-c", "import sys; print(sys.stdout.line_buffering, sys.stdout.write_through)")
run("-m", "json.tool", input='{"b": [1]}')
run("-m", "nothing_there")
run("nothing.py")
run("-c", "1/0")
run("-x", "-c", "pass", "-q")
run("-V")
run("-c", "import os; print(sorted(os.environ))", env={"PYTHONHASHSEED": "0", "A": "b"})
run("-c", "print(hash('x'), hash(b'x'), {'a', 'b', 'c'})", env={"PYTHONHASHSEED": "7"})
run("-c", "import sys; print(sys.stdout.encoding, ascii(sys.argv[1]))", "\udcff", env={"LC_ALL": "C"})
run("-c", "import sys; print(sys.stdout.encoding, sys.stdout.errors)", env={"PYTHONIOENCODING": "latin-1:replace", "PYTHONUTF8": "0"})
with open("startup.py", "w") as f:
    f.write("print('not me')")
run("-c", "print(1)", env={**os.environ, "PYTHONSTARTUP": "startup.py"})
