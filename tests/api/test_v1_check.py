# SPDX-License-Identifier: Apache-2.0
"""POST /v1/check: a program is compiled in a cell, and never run."""
import pytest
import v1


def check(server, code=None, **body):
    return v1.run(server, code, path="/v1/check", **body)


@pytest.mark.parametrize("code", ["", "print(1)", "1/0", "import nothing_there", "raise SystemExit(3)", "open('/app/x', 'w')", "await_ = 1"])
def test_what_compiles_is_valid_and_does_not_run(server, code):
    answer = check(server, code)
    assert (answer["valid"], answer["verdict"], answer["error"]) == (True, "ok", None)
    assert answer["usage"]["output_bytes"] == 0


@pytest.mark.parametrize("code, kind, line", [
    ("print(", "SyntaxError", 1), ("x = 1\n  y", "IndentationError", 2), ("if 1:\n\tx\n        y", "TabError", 3), ("return 1", "SyntaxError", 1),
    ("a = 'x", "SyntaxError", 1), ("\n\nbreak", "SyntaxError", 3), ("f(a for a in b, c)", "SyntaxError", 1),
])
def test_what_does_not_compile_says_where(server, code, kind, line):
    answer = check(server, code)
    assert (answer["valid"], answer["verdict"], answer["error"]["type"]) == (False, "error", kind)
    assert answer["error"]["traceback"][-1]["line"] == line and answer["error"]["traceback"][-1]["file"] == "/app/script.py"


def test_the_entrypoint_is_what_is_checked(server):
    files = [{"path": "good.py", "content": "x = 1"}, {"path": "bad.py", "content": "x ="}]
    assert check(server, files=files, entrypoint="good.py")["valid"]
    answer = check(server, files=files, entrypoint="bad.py")
    assert not answer["valid"] and answer["error"]["traceback"][0]["file"] == "/app/bad.py"


@pytest.mark.parametrize("field", ["stdin", "args", "limits", "cases", "last_value", "displays", "outputs"])
def test_what_only_a_run_needs_is_not_known(server, field):
    assert v1.refuse(server, {"code": "", field: {}}, 422, "unknown_field", path="/v1/check")["field"] == field
