# SPDX-License-Identifier: Apache-2.0
"""POST /v1/runs through a real server: every field of a request, and every field of an answer. The form of each answer is held against
api/openapi.yaml by conftest.py."""
import base64
import pathlib
import re
import subprocess
import time

import harness
import pytest
import v1

NOT_THERE = "import os; print(os.path.exists('/app/x'))"


def test_a_run_says_all_there_is_to_say(server):
    began = time.monotonic()
    answer = v1.run(server, "print(2+2)")
    took_ms = (time.monotonic() - began) * 1000
    assert {key: answer[key] for key in ("verdict", "message", "exit_code", "signal", "stdout", "stderr", "output", "error", "result")} == {
        "verdict": "ok", "message": "", "exit_code": 0, "signal": None, "stdout": "4\n", "stderr": "", "output": "4\n", "error": None,
        "result": None}
    assert (answer["displays"], answer["files"]) == ([], [])
    assert not any(answer[key] for key in answer if key.endswith("_truncated"))
    assert 0 < answer["usage"]["wall_ms"] < took_ms and answer["usage"]["output_bytes"] == 2
    assert answer["usage"]["memory_peak_bytes"] > 1 << 20
    assert sum(answer["timings"].values()) < took_ms * 1000 and min(answer["timings"].values()) > 0


THREADS = """import threading
ready = threading.Barrier(4)
threads = [threading.Thread(target=ready.wait) for _ in range(3)]
for thread in threads: thread.start()
ready.wait()"""


def test_the_most_processes_at_once_are_told_where_the_kernel_counts_them(start_server):
    """On version 1 a slot's count cannot be set back: it is known for as long as it grows."""
    server = start_server("--slots", "1")
    peaks = [v1.run(server, code)["usage"]["pids_peak"] for code in ("", THREADS, "")]
    groups = [pathlib.Path(group) for group in harness.cgroups_of(server.name)]
    if not any((group / "pids.peak").exists() for group in groups):
        assert peaks == [None] * 3
    else:
        assert peaks == [1, 4, 1 if any((group / "cgroup.controllers").exists() for group in groups) else None]


def test_a_run_that_is_stopped_at_once_has_begun_and_took_its_time(server):
    """The first byte can be too many before its start is known to the one who stops it."""
    for _ in range(60):
        answer = v1.run(server, "import os\nos.write(1, b'x' * 60000)\nwhile True: pass", limits={"output_bytes": 1})
        assert (answer["verdict"], answer["signal"]) == ("output", 9)
        assert answer["usage"]["wall_ms"] > 0 and answer["timings"]["run_us"] > 0


def test_it_says_where_it_ran(server):
    isolation = v1.run(server, "print()")["isolation"]
    assert (isolation["provider"], isolation["environment"]) == ("native", "base")


def test_ids_are_never_the_same_and_the_request_keeps_its_name(server):
    ids = {v1.run(server, "")["id"] for _ in range(5)}
    assert len(ids) == 5
    named = server.post({"code": ""}, path="/v1/runs", headers={"Content-Type": "application/json", "X-Request-Id": "mine-42"})
    assert named.headers["x-request-id"] == "mine-42"
    for name in ("a b", "x" * 41, "é".encode(), ""):
        other = server.post({"code": ""}, path="/v1/runs", headers={"Content-Type": "application/json", "X-Request-Id": name})
        assert re.fullmatch("req_[0-9a-f]{32}", other.headers["x-request-id"])


@pytest.mark.parametrize("code, want", [
    ("import sys; sys.exit(3)", {"verdict": "error", "exit_code": 3, "signal": None, "message": "Exited with status 3."}),
    ("import os; os.kill(os.getpid(), 11)", {"verdict": "signal", "exit_code": None, "signal": 11,
                                              "message": "Killed by signal 11 (SIGSEGV)."}),
    ("import os\nfor _ in range(99): os.write(1, b'x' * 65536)", {"verdict": "output", "stdout_truncated": True, "stderr_truncated": False,
                                                                  "message": "Output limit of 1 MiB exceeded."}),
    ("import os\nfor _ in range(99): os.write(2, b'x' * 65536)", {"verdict": "output", "stdout_truncated": False, "stderr_truncated": True}),
])
def test_every_end_has_its_verdict(server, code, want):
    answer = v1.run(server, code)
    assert {key: answer[key] for key in want} == want
    assert answer["error"] is None


def test_both_streams_come_in_the_order_of_their_arrival(server):
    code = "import os, time\nfor n in range(6):\n    os.write(1 + n % 2, b'%d\\n' % n); time.sleep(0.02)"
    answer = v1.run(server, code)
    assert (answer["stdout"], answer["stderr"], answer["output"]) == ("0\n2\n4\n", "1\n3\n5\n", "0\n1\n2\n3\n4\n5\n")


def test_what_is_not_utf8_is_replaced(server):
    answer = v1.run(server, "import os; os.write(1, b'a\\xff\\xc3'); os.write(2, b'\\x00\\xe2\\x82')")
    assert (answer["stdout"], answer["stderr"]) == ("a\ufffd\ufffd", "\0\ufffd")


# --- the request ----------------------------------------------------------------------------------------------------

def test_code_of_a_mebibyte_runs(server):
    code = "#" + "é" * ((1 << 20) - 11) + "\nprint(1)"
    assert len(code) == (1 << 20) - 1
    assert v1.run(server, code + " ")["stdout"] == "1\n"
    problem = v1.refuse(server, {"code": code + "  "}, 422, "limit_out_of_range")
    assert (problem["field"], problem["value"], problem["maximum"]) == ("code", (1 << 20) + 1, 1 << 20)


def test_files_of_both_encodings_lie_where_they_are_said_to(server):
    data = bytes(range(256))
    code = "import lib.helper as h\nprint(h.NAME, open('data/raw', 'rb').read() == bytes(range(256)), __file__, ascii(open('t').read()))"
    answer = v1.run(server, files=[
        {"path": "main.py", "content": code},
        {"path": "lib/helper.py", "content": "NAME = 'hëlper'", "encoding": "utf-8"},
        {"path": "data/raw", "content": base64.b64encode(data).decode(), "encoding": "base64"},
        {"path": "t", "content": "a\0b"},
    ], entrypoint="main.py")
    assert answer["stdout"] == "hëlper True /app/main.py 'a\\x00b'\n", answer


def test_files_may_stand_beside_code(server):
    answer = v1.run(server, "print(open('a.txt').read())", files=[{"path": "a.txt", "content": "beside"}])
    assert answer["stdout"] == "beside\n"


def test_code_takes_the_name_of_the_entrypoint(server):
    answer = v1.run(server, "print(__file__); 1/0", entrypoint="solution.py")
    assert answer["stdout"] == "/app/solution.py\n" and answer["error"]["traceback"][0]["file"] == "/app/solution.py"


@pytest.mark.parametrize("text", ["", "one\ntwo\n", "ünï\0code", "x" * 200000])
def test_stdin_is_what_was_sent(server, text):
    answer = v1.run(server, "import sys; data = sys.stdin.buffer.read(); print(len(data), hash(data) is not None); print(data[:20])", stdin=text)
    assert answer["stdout"] == f"{len(text.encode())} True\n{text.encode()[:20]!r}\n"


def test_without_stdin_there_is_nothing_to_read(server):
    assert v1.run(server, "import sys; print(repr(sys.stdin.read()))")["stdout"] == "''\n"


def test_arguments_come_as_they_are(server):
    args = ["a b", "", "--x=é", "'\"\\"]
    assert v1.run(server, "import sys; print(sys.argv[1:])", args=args)["stdout"] == f"{args!r}\n"


def test_variables_come_as_they_are(server):
    env = {"A_1": "x=y ü", "EMPTY": "", "_": "u"}
    assert v1.run(server, "import os; print({k: os.environ.get(k) for k in ('A_1', 'EMPTY', '_')})", env=env)["stdout"] == f"{env!r}\n"


STREAMS = """import os, subprocess, sys
for s in sys.stdout, sys.stderr:
    print(type(s.buffer).__name__, s.buffer, s.write_through, s.line_buffering, s.encoding, s.errors, s.mode, s.newlines, s.fileno(), s.name)
print(sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__)
sys.stdout.buffer.write(b'bytes\\n')
sys.stdout.write('\u00fc\\r\\n')
print('last', end='')
if {ends}: os._exit(3)
"""


@pytest.mark.parametrize("value", ["1", "x", "0", "00", ""])
@pytest.mark.parametrize("ends", [True, False])
def test_pythonunbuffered_does_what_it_does_at_the_start_of_python(server, tmp_path, value, ends):
    script = tmp_path / "script.py"
    script.write_text(STREAMS.replace("{ends}", str(ends)))
    plain = subprocess.run(["/usr/bin/python3", script], env={"LANG": "C.UTF-8", "PYTHONUNBUFFERED": value}, capture_output=True)
    answer = v1.run(server, script.read_text(), env={"PYTHONUNBUFFERED": value})
    assert (answer["stdout"], answer["stderr"], answer["exit_code"]) == (plain.stdout.decode(), plain.stderr.decode(), plain.returncode)


def test_a_provider_and_an_environment_can_be_named(server):
    isolation = v1.run(server, "", provider="native", environment="base")["isolation"]
    assert (isolation["provider"], isolation["environment"]) == ("native", "base")
    assert v1.refuse(server, {"code": "", "provider": "nowhere"}, 422, "unknown_provider")["field"] == "provider"
    assert v1.refuse(server, {"code": "", "environment": "nothing"}, 422, "unknown_environment")["field"] == "environment"


def test_read_only_is_off_unless_asked_for(server):
    code = "try: open('/app/x', 'w'); print('written')\nexcept OSError as e: print(e.errno)"
    assert v1.run(server, code)["stdout"] == "written\n"
    assert v1.run(server, code, read_only=True)["stdout"] == "30\n"


def test_a_run_leaves_nothing_for_the_next(server):
    v1.run(server, "open('/app/x', 'w').write('1')")
    assert v1.run(server, NOT_THERE)["stdout"] == "False\n"
