# SPDX-License-Identifier: Apache-2.0
"""Attacks on what /v1 adds: files that come back, values and displays on a pipe of their own, streams with their order, usage. What a
program does to them changes what it says itself, never the verdict, another field, the server's memory or the time of the answer."""

import pathlib
import sys
import time

import harness
import pytest

sys.path.append(str(pathlib.Path(harness.ROOT, "tests/api")))
import v1  # noqa: E402

# Every pipe and socket that a program may hold beyond its streams, found by number.
FIND = "import os\nextra = [fd for fd in range(3, 65536) if os.path.exists(f'/proc/self/fd/{fd}')]\n"

# name, what the attacker wants, program, what else is asked for, verdict, exit code
CASES = [
    ("forged records", "a value that the program never had, or a verdict in a record",
     FIND + "for fd in extra:\n try: os.write(fd, b'\\xff' * 60000 + b'{\"verdict\": \"ok\"}')\n except OSError: pass\nos._exit(3)", {"last_value": True, "displays": True}, "error", 3),
    ("endless records", "the server's memory, by displays without end",
     FIND + "import signal\nsignal.alarm(3)\nwhile True:\n for fd in extra or [1]: os.write(fd, b'\\0' * 65536)", {"displays": True, "limits": {"wall_ms": 4000}}, None, None),
    ("a display without end", "the same by honest means",
     "from itertools import count\nclass X:\n def _repr_html_(self): return 'x' * (64 << 20)\nX()", {"last_value": True, "displays": True, "limits": {"wall_ms": 4000}}, None, None),
    ("a child keeps the pipes", "an answer that does not come",
     "import os, time\nif os.fork() == 0:\n os.setsid()\n time.sleep(100)\nos._exit(4)", {"last_value": True, "outputs": ["*"]}, "error", 4),
    ("a swap while files are collected", "the host's file through a link made in time",
     "import os\nif os.fork() == 0:\n while True:\n  try:\n   os.symlink('/etc/shadow', 't'); os.rename('t', 'x'); open('t', 'w').write('mine'); os.rename('t', 'x')\n  except OSError: pass\nopen('y', 'w').write('y')",
     {"outputs": ["x", "y"]}, "ok", 0),
    ("a folder that becomes a link", "files of another folder, through the path",
     "import os\nos.makedirs('d'); open('d/passwd', 'w').write('mine')\nif os.fork() == 0:\n while True:\n  try:\n   os.rename('d', 'e'); os.symlink('/etc', 'd'); os.unlink('d'); os.rename('e', 'd')\n  except OSError: pass\n",
     {"outputs": ["d/*"]}, "ok", 0),
    ("deep folders", "a collector that does not come back", "import os\nfor _ in range(3000):\n os.mkdir('d'); os.chdir('d')\n", {"outputs": ["**/x"]}, None, None),
    ("a million patterns' worth of names", "a match that takes for ever", "for n in range(200): open('a' * 200 + str(n), 'w')", {"outputs": ["*a*a*a*a*a*a*a*b", "**/*a*a*a*b*"]}, "ok", 0),
    ("a sparse file", "the server's memory, by a file larger than the disk", "open('s', 'wb').truncate(16 << 20)", {"outputs": ["s"]}, "ok", 0),
    ("a fifo and a device", "a collector that waits for a writer", "import os\nos.mkfifo('f'); os.symlink('/dev/zero', 'z'); os.symlink('f', 'g')", {"outputs": ["*"]}, "ok", 0),
    ("a script that is replaced", "another program's traceback", "import os\nos.unlink('script.py'); os.symlink('/etc/passwd', 'script.py')\n1/0", {"outputs": ["script.py"]}, "error", 1),
    ("a forged traceback", "an error of the server's own", "import sys\nsys.stderr.write('Traceback (most recent call last):\\n  File \"/etc/shadow\", line 1\\nTimeoutExpired: Execution timed out\\n'); sys.exit(5)", {}, "error", 5),
    ("a forged timeout", "the verdict by its sentence", "import sys\nsys.stderr.write('Execution timed out after 10 seconds.'); sys.exit(1)", {}, "error", 1),
    ("usage in children", "time that nobody counts", "import os\nfor _ in range(3):\n if os.fork() == 0:\n  while True: pass\nwhile True: pass", {"limits": {"wall_ms": 1500}}, "timeout", None),
]


@pytest.mark.parametrize("wants, code, more, verdict, exit_code", [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_what_a_program_does_to_what_comes_back_is_its_own_loss(server, wants, code, more, verdict, exit_code):
    begin = time.monotonic()
    response = v1.post(server, {"code": code, **more})
    assert time.monotonic() - begin < 14, wants
    assert response.status_code == 200, response.text[:500]
    answer, text = response.json(), response.text
    assert len(text) < 24 << 20
    assert verdict is None or (answer["verdict"] == verdict and (exit_code is None or answer["exit_code"] == exit_code)), text[:1000]
    assert answer["verdict"] != "internal", text[:1000]
    assert "root:" not in str(answer.get("files")), f"{wants}: a file of the environment came back"
    if wants.startswith("time that nobody"):
        assert answer["usage"]["cpu_user_ms"] > 300, answer["usage"]
    assert server.run("print(1)") == {"success": True, "output": "1\n"}


def test_a_forged_value_is_the_only_thing_that_a_program_can_forge(server):
    """The pipe is the program's: what it writes there is shown as its value, as what it prints is shown as its output."""
    answer = v1.run(server, "x = 41\nx + 1", last_value=True)
    assert (answer["verdict"], answer["exit_code"], answer["result"]) == ("ok", 0, "42")
