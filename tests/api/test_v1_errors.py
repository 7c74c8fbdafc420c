# SPDX-License-Identifier: Apache-2.0
"""The `error` of an answer: what ended the program, as Python itself would say it."""
import pytest
import v1

CHAIN = """
def f():
    raise KeyError("first")

try:
    f()
except KeyError as e:
    raise RuntimeError("second\\nline") from e
"""
GROUP = 'raise ExceptionGroup("both", [ValueError("one"), TypeError("two")])'
NOTE = 'e = ValueError("wrong"); e.add_note("look here"); raise e'
DEEP = "def f(n):\n    return f(n + 1)\nf(0)"
NESTED = "def f():\n    def g(): 1/0\n    g()\nf()"


@pytest.mark.parametrize("code, kind, message, frames", [
    ("1/0", "ZeroDivisionError", "division by zero", [("/app/script.py", 1, "<module>", "1/0")]),
    ("\nprint(", "SyntaxError", "'(' was never closed", [("/app/script.py", 2, None, "print(")]),
    ("if 1:\nx", "IndentationError", "expected an indented block after 'if' statement on line 1", [("/app/script.py", 2, None, "x")]),
    (CHAIN, "RuntimeError", "second\nline", [("/app/script.py", 8, "<module>", 'raise RuntimeError("second\\nline") from e')]),
    (GROUP, "ExceptionGroup", "both (2 sub-exceptions)", [("/app/script.py", 1, "<module>", GROUP)]),
    (NOTE, "ValueError", "wrong\nlook here", [("/app/script.py", 1, "<module>", NOTE)]),
    (NESTED, "ZeroDivisionError", "division by zero", [
        ("/app/script.py", 4, "<module>", "f()"), ("/app/script.py", 3, "f", "g()"), ("/app/script.py", 2, "g", "def g(): 1/0")]),
    ("class Mine(Exception): pass\nraise Mine", "Mine", "", [("/app/script.py", 2, "<module>", "raise Mine")]),
    ("assert False, 'ünï'", "AssertionError", "ünï", [("/app/script.py", 1, "<module>", "assert False, 'ünï'")]),
    ("import nothing_there", "ModuleNotFoundError", "No module named 'nothing_there'", [("/app/script.py", 1, "<module>", "import nothing_there")]),
    ("exec('1/0')", "ZeroDivisionError", "division by zero", [("/app/script.py", 1, "<module>", "exec('1/0')"), ("<string>", 1, "<module>", None)]),
])
def test_the_exception_that_ended_the_program_is_told(server, code, kind, message, frames):
    answer = v1.run(server, code)
    error = answer["error"]
    assert (error["type"], error["message"]) == (kind, message), answer
    assert [(f["file"], f["line"], f["function"], f["source"]) for f in error["traceback"]] == frames


def test_a_deep_recursion_keeps_both_ends(server):
    error = v1.run(server, DEEP)["error"]
    assert error["type"] == "RecursionError" and 2 < len(error["traceback"]) <= 64


def test_more_frames_than_are_kept_are_counted(server):
    code = "import sys\nsys.setrecursionlimit(500)\n" + "".join(f"def f{n}(): f{n + 1}()\n" for n in range(100)) + "def f100(): 1/0\nf0()"
    error = v1.run(server, code)["error"]
    assert (len(error["traceback"]), error["frames_left_out"]) == (64, 38)
    assert (error["traceback"][1]["function"], error["traceback"][-1]["function"]) == ("f0", "f100")


@pytest.mark.parametrize("code", [
    "try: 1/0\nexcept: import traceback; traceback.print_exc()",
    "import sys; sys.exit('bye')",
    "import sys; sys.exit(2)",
    "class X:\n    def __del__(self): 1/0\nx = X(); del x\nimport sys; sys.exit(1)",
    "import os; os.abort()",
    "raise KeyboardInterrupt",  # ends by the signal, as in a shell
])
def test_what_did_not_end_the_program_is_no_error(server, code):
    assert v1.run(server, code)["error"] is None


def test_a_program_can_make_up_its_error_and_nothing_else(server):
    fake = "import sys; sys.stderr.write('Traceback (most recent call last):\\n  File \"\\x00\", line 1, in \\udcff\\nMine: \\\", \\n'); sys.exit(1)"
    answer = v1.run(server, fake.replace("\\udcff", "é"))
    assert answer["error"]["type"] == "Mine" and answer["verdict"] == "error"
