# SPDX-License-Identifier: Apache-2.0
"""The value of the last expression, and rich output: what a notebook would show, without a line of code from the user."""
import base64
import struct

import pytest
import v1

PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\n"


def size_of_png(text):
    data = base64.b64decode(text)
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR"
    return struct.unpack(">II", data[16:24])


@pytest.mark.parametrize("code, want", [
    ("40 + 2", "42"), ("x = 1\nx", "1"), ("'é'", "'é'"), ("x = 1", None), ("None", None), ("", None), ("print(1)", None), ("1\nx = 2", None),
    ("def f(): pass", None), ("[n for n in range(3)]", "[0, 1, 2]"), ("if 1:\n    5", None), ("3; 4", "4"), ("3;", "3"), ("(\n  7\n)", "7"),
    ("class X:\n    def __repr__(self): return 'mine\\0'\nX()", "mine\0"),
])
def test_the_value_of_the_last_expression_comes_back(server, code, want):
    answer = v1.run(server, code, last_value=True)
    assert (answer["verdict"], answer["result"], answer["result_truncated"]) == ("ok", want, False), answer
    assert v1.run(server, code)["result"] is None


def test_a_value_that_cannot_be_shown_is_an_error_of_the_program(server):
    answer = v1.run(server, "class X:\n    def __repr__(self): return 1 / 0\nX()", last_value=True)
    assert answer["result"] is None and answer["verdict"] in ("ok", "error"), answer


def test_a_failure_has_no_value_and_its_own_traceback(server):
    answer = v1.run(server, "x = 1\n1 / 0", last_value=True)
    assert answer["result"] is None and answer["error"]["traceback"] == [
        {"file": "/app/script.py", "line": 2, "function": "<module>", "source": "1 / 0"}]


def test_a_long_value_is_cut_and_said(server):
    answer = v1.run(server, "'x' * (20 << 20)", last_value=True, limits={"memory_bytes": 512 << 20})
    assert answer["result_truncated"] and answer["result"].startswith("'xxx")


def test_figures_that_are_shown_or_left_open_come_back_in_their_order_and_a_closed_one_does_not(server):
    code = """import matplotlib.pyplot as plt
for n in (2, 3):
    plt.figure(figsize=(n, 1), dpi=100); plt.plot([n]); plt.show()
plt.show()
plt.figure(); plt.close()
plt.figure(figsize=(4, 1), dpi=100); plt.plot([1])"""
    first, second, third = [size_of_png(one["image/png"]) for one in v1.run(server, code)["displays"]]
    assert 100 < first[0] < 250 < second[0] < 350 < third[0]


def test_a_data_frame_comes_as_html_and_text(server):
    answer = v1.run(server, "import pandas as pd\npd.DataFrame({'a': [1, 2]})", last_value=True)
    assert "<table" in answer["displays"][0]["text/html"] and answer["displays"][0]["text/plain"] == answer["result"] == "   a\n0  1\n1  2"


@pytest.mark.parametrize("method, value, kind, want", [
    ("_repr_html_", "'<b>ü</b>'", "text/html", "<b>ü</b>"), ("_repr_svg_", "'<svg/>'", "image/svg+xml", "<svg/>"),
    ("_repr_png_", "b'\\x89PNG'", "image/png", "iVBORw=="), ("_repr_markdown_", "'# x'", "text/markdown", "# x"),
])
def test_an_object_says_itself_how_it_looks(server, method, value, kind, want):
    answer = v1.run(server, f"class X:\n    def {method}(self): return {value}\nX()", last_value=True)
    assert answer["displays"][0][kind] == want, answer


def test_displays_can_be_turned_off(server):
    assert v1.run(server, PLOT + "plt.show()", displays=False)["displays"] == []


def test_a_stream_tells_of_a_figure_when_it_is_shown(server):
    with v1.stream(server, "print('before', flush=True)\n" + PLOT + "plt.show()\nprint('after')") as events:
        told = list(events)
    kinds = [event["event"] for event in told if event["event"] != "heartbeat"]
    assert kinds == ["start", "stdout", "display", "stdout", "verdict"]
    assert "image/png" in told[kinds.index("display")]["display"]


def test_a_figure_before_a_failure_comes_too(server):
    answer = v1.run(server, PLOT + "plt.show()\n1 / 0")
    assert (answer["error"]["type"], len(answer["displays"])) == ("ZeroDivisionError", 1)
