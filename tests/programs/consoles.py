# SPDX-License-Identifier: Apache-2.0
# code, codeop, cmd, runpy, readline-less input, help text, interactive names.
import builtins
import cmd
import code
import codeop
import contextlib
import io
import os
import runpy
import sys

console = code.InteractiveConsole({"x": 5})
for line in ("x + 1", "for i in range(2):", "    print(i)", "", "1/0", "def f(:"):
    with contextlib.redirect_stderr(sys.stdout):
        print(console.push(line))
print(codeop.compile_command("if x:"), codeop.compile_command("1").co_consts)


class Shell(cmd.Cmd):
    prompt = ""
    use_rawinput = False

    def do_add(self, text):
        print(sum(map(int, text.split())))

    def do_EOF(self, _):
        return True


Shell(stdin=io.StringIO("add 1 2\nnothing\nhelp\n"), stdout=sys.stdout).cmdloop("welcome")
with open("other.py", "w") as f:
    f.write("import sys\nprint(__name__, sys.argv[0][-8:])\nVALUE = 3\n")
print(runpy.run_path("other.py", run_name="as_this")["VALUE"], sys.argv[0])
print(repr(exit), repr(quit), repr(help)[:30], repr(copyright)[:25], hasattr(builtins, "_"))
sys.displayhook([1, 2])
print(_)
help(os.getcwd)
