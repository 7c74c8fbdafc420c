# SPDX-License-Identifier: Apache-2.0
"""`safexec run` before a server that says what the test wants: what is sent, what is shown, and the exit status."""
import base64
import http.server
import json
import os
import pty
import socket
import subprocess
import threading

import harness
import pytest

SAFEXEC = harness.BUILD / "safexec"
NDJSON = "application/x-ndjson"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def safexec(*args, **more):
    return subprocess.run([SAFEXEC, *args], stdin=more.pop("stdin", subprocess.DEVNULL), capture_output=True, text=True, timeout=20, **more)


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers each POST with what the test has put into `answer`, and keeps the request."""

    def do_POST(self):
        self.server.request = (self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"])))
        status, kind, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for at in range(0, len(body), 7):
            self.wfile.write(body[at:at + 7])

    def log_message(self, *_):
        pass


@pytest.fixture
def stub():
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.address = f"127.0.0.1:{server.server_address[1]}"
        server.say = lambda *events, status=200, kind=NDJSON: setattr(
            server, "answer", (status, kind, b"".join(json.dumps(event).encode() + b"\n" for event in events)))
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "x.py"
    path.write_text("print('\u2192')\n")
    return str(path)


def verdict(word="ok", exit_code=0, signal=None, message="", **more):
    usage = {"wall_ms": 1500, "cpu_user_ms": 100, "cpu_system_ms": 50, "memory_peak_bytes": 3 << 20}
    return {"event": "verdict", "verdict": word, "exit_code": exit_code, "signal": signal, "message": message, "usage": usage, **more}


def run(stub, *args, **more):
    return safexec("run", "--server", stub.address, *args, **more)


ENDS = [
    # the verdict, exit status, stderr
    (verdict(), 0, ""),
    (verdict("error", 3, message="Exited with status 3."), 3, ""),
    (verdict("error", 255), 255, ""),
    (verdict("signal", None, 11, "Killed by signal 11 (SIGSEGV)."), 139, "safexec run: Killed by signal 11 (SIGSEGV).\n"),
    (verdict("timeout", None, 9, "Execution timed out after 10 seconds."), 124, "safexec run: Execution timed out after 10 seconds.\n"),
    (verdict("cpu_timeout", None, 9, "C."), 124, "safexec run: C.\n"),
    (verdict("memory", None, 9, "M."), 137, "safexec run: M.\n"),
    (verdict("memory", 1, None, "M."), 1, "safexec run: M.\n"),
    (verdict("output", None, None, "O."), 125, "safexec run: O.\n"),
    (verdict("output", 0, None, "O."), 125, "safexec run: O.\n"),
    (verdict("error", 256), 125, ""),
    (verdict("error", "x"), 125, ""),
    ({"event": "problem", "detail": "Busy.", "status": 503}, 125, "safexec run: Busy.\n"),
]


@pytest.mark.parametrize("last, status, error", ENDS)
def test_the_exit_status_is_the_programs(stub, script, last, status, error):
    stub.say({"event": "start"}, {"event": "stdout", "data": "a\0\u2192"}, {"event": "heartbeat"}, {"event": "stderr", "data": "e"}, last)
    result = run(stub, script)
    assert (result.stdout, result.stderr, result.returncode) == ("a\0\u2192", "e" + error, status)


def test_what_is_sent_is_what_was_asked_for(stub, script, tmp_path):
    stub.say(verdict())
    (tmp_path / "data").mkdir()
    (tmp_path / "data/raw").write_bytes(b"\xff\x00")
    (tmp_path / "text").write_text("t\u00e9")
    (tmp_path / "in").write_text("line\n")
    result = run(stub, "--environment", "science", "--provider", "docker", "--stdin", "in", "--file", "data/raw", "--file", str(tmp_path / "text"),
                 "--file", "./text", "--file", "../" + tmp_path.name + "/text", "--limit", "wall_ms=5000", "--limit", "memory_bytes=256M", "--limit",
                 "cpus=1.5", "--read-only", "--last-value", script, "--file", "a b", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    path, headers, sent = stub.request
    assert (path, headers["Content-Type"], headers["Accept"], headers["Authorization"]) == ("/v1/runs", "application/json", NDJSON, None)
    assert json.loads(sent) == {
        "code": "print('\u2192')\n", "environment": "science", "provider": "docker", "stdin": "line\n", "read_only": True, "last_value": True,
        "limits": {"wall_ms": 5000, "memory_bytes": 256 << 20, "cpus": 1.5}, "args": ["--file", "a b"], "files": [
            {"path": "data/raw", "content": "/wA=", "encoding": "base64"}, *[{"path": "text", "content": "t\u00e9", "encoding": "utf-8"}] * 3]}


def test_nothing_is_sent_that_was_not_asked_for(stub, script):
    stub.say(verdict())
    assert run(stub, script).returncode == 0
    assert json.loads(stub.request[2]) == {"code": "print('\u2192')\n"}


def test_standard_input_can_be_the_program_or_what_it_reads(stub, script, tmp_path):
    stub.say(verdict())
    (tmp_path / "in").write_text("1")
    with open(tmp_path / "in") as file:
        assert run(stub, "-", stdin=file).returncode == 0
    assert json.loads(stub.request[2]) == {"code": "1"}
    with open(tmp_path / "in") as file:
        assert run(stub, "--stdin", "-", script, stdin=file).returncode == 0
    assert json.loads(stub.request[2])["stdin"] == "1"
    result = run(stub, "--stdin", "-", "-")
    assert (result.returncode, result.stderr) == (2, "safexec run: Standard input cannot be both the program and what it reads.\n")


def test_a_key_comes_from_the_environment(stub, script):
    stub.say(verdict())
    assert run(stub, script, env={**os.environ, "SAFEXEC_KEY": "sk_1"}).returncode == 0
    assert stub.request[1]["Authorization"] == "Bearer sk_1"


def test_json_is_the_answer_as_it_is(stub, script):
    stub.say(verdict("error", 7, message="m"), kind="application/json")
    result = run(stub, "--json", script)
    assert (json.loads(result.stdout), result.stderr, result.returncode) == (verdict("error", 7, message="m"), "", 7)
    assert stub.request[1]["Accept"] == "application/json"


def test_figures_are_saved_and_nothing_is_overwritten(stub, script, tmp_path):
    (tmp_path / "figure-1.png").write_text("mine")
    os.symlink("/nowhere/else", tmp_path / "figure-2.png")
    stub.say({"event": "display", "display": {"image/png": PNG, "text/plain": "<Figure>"}}, {"event": "display", "display": {"image/svg+xml": "<svg/>"}},
             {"event": "display", "display": {"text/plain": "a table", "text/html": "<table>"}}, verdict(result="a table"))
    result = run(stub, script, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "a table\n")  # the last value, once
    assert result.stderr == "safexec run: saved figure-3.png\nsafexec run: saved figure-4.svg\n"
    assert (tmp_path / "figure-3.png").read_bytes() == b"\x89PNG\r\n\x1a\n" and (tmp_path / "figure-4.svg").read_text() == "<svg/>"
    assert (tmp_path / "figure-1.png").read_text() == "mine" and os.path.islink(tmp_path / "figure-2.png")


def test_the_last_value_is_printed(stub, script):
    stub.say({"event": "stdout", "data": "out\n"}, verdict(result="42"))
    assert run(stub, "--last-value", script).stdout == "out\n42\n"


def test_a_figure_that_cannot_be_saved_is_said_and_no_end(stub, script, tmp_path):
    stub.say({"event": "display", "display": {"image/png": PNG}}, {"event": "display", "display": {"image/png": "not base64"}}, verdict())
    result = run(stub, "--figures", "/nowhere", script)
    assert (result.returncode, result.stderr.count("Cannot save a figure in /nowhere: ")) == (0, 2)
    (tmp_path / "out").mkdir()
    result = run(stub, "--figures", str(tmp_path / "out"), script)
    assert (result.returncode, os.listdir(tmp_path / "out")) == (0, ["figure-1.png"])


STRANGERS = [(200, b""), (200, b"<html>"), (404, b"not found"), (200, b"[]"), (200, b"{}\n"), (200, b'{"event": 1}\n'), (500, b"\xff\xfe"),
             (200, b'{"event": "stdout"}\n'), (200, b'{"event": "verdict"}\n{"event": "verdict"}\n'), (200, b'{"event": "stdout", "data": "x"}')]


@pytest.mark.parametrize("kind", [NDJSON, "text/html"])
@pytest.mark.parametrize("status, body", STRANGERS)
def test_a_stranger_that_answers_is_said(stub, script, status, body, kind):
    stub.answer = (status, kind, body)
    result = run(stub, script)
    assert (result.stdout, result.returncode) == ("", 125)
    assert result.stderr == f"safexec run: What answers at {stub.address} is no server of ours, or it was cut off.\n"


def test_a_refusal_is_said_in_the_servers_words(stub, script):
    stub.say({"status": 422, "code": "limit_out_of_range", "detail": "limits.wall_ms is 1."}, status=422, kind="application/problem+json")
    result = run(stub, script)
    assert (result.returncode, result.stdout, result.stderr) == (125, "", "safexec run: limits.wall_ms is 1.\n")


def test_code_is_not_sent_through_a_proxy(stub, script):
    stub.say({"event": "stdout", "data": "direct"}, verdict())
    proxies = {name: "http://127.0.0.1:9" for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")}
    assert run(stub, script, env={**os.environ, **proxies}).stdout == "direct"


def test_without_a_server_it_says_how_to_start_one(script):
    with socket.socket() as free:  # bound and not listening: nobody else gets the port, and connections are refused
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        result = safexec("run", "--server", address, script)
    assert (result.returncode, result.stdout) == (125, "")
    assert result.stderr == f"safexec run: No server answers at {address}. `safexec serve` starts one.\n"


@pytest.mark.parametrize("content, sentence", [
    (None, "Cannot open {path}: No such file or directory"), (b"\xff\xfe", "{path} is not UTF-8 text."), (b"#" * (9 << 20), "{path} is too long to be sent."),
], ids=["missing", "not text", "too long"])
def test_a_file_that_cannot_be_a_program_is_refused(tmp_path, content, sentence):
    path = tmp_path / "x.py"
    if content is not None:
        path.write_bytes(content)
    result = safexec("run", "--server", "127.0.0.1:9", str(path))
    assert (result.returncode, result.stdout, result.stderr) == (125, "", f"safexec run: {sentence.format(path=path)}\n")


@pytest.mark.parametrize("args, sentence", [
    (["--limit", "wall_ms", "x.py"], '--limit is "wall_ms"; it must be NAME=VALUE, as in wall_ms=5000.'),
    (["--limit", "=5", "x.py"], '--limit is "=5"; it must be NAME=VALUE, as in wall_ms=5000.'),
    (["--limit", "cpus=many", "x.py"], '--limit cpus is "many"; it must be a number, as in 5000, 256M or 1.5.'),
    (["--limit", "cpus=inf", "x.py"], '--limit cpus is "inf"; it must be a number, as in 5000, 256M or 1.5.'),
])
def test_a_limit_that_is_none_is_a_wrong_command_line(args, sentence):
    result = safexec("run", *args)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"safexec run: {sentence}\n")


def test_a_terminal_gets_times_and_others_do_not(stub, script):
    stub.say({"event": "stdout", "data": "out\n"}, verdict())
    ours, theirs = pty.openpty()
    result = subprocess.run([SAFEXEC, "run", "--server", stub.address, script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs, timeout=20)
    os.close(theirs)
    shown = os.read(ours, 4096).decode()
    os.close(ours)
    assert result.stdout == b"out\n" and "ok in 1.500 s (0.150 s CPU, 3.0 MB at most)" in shown
    assert run(stub, script).stderr == ""
