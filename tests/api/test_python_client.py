# SPDX-License-Identifier: Apache-2.0
"""clients/python/safexec.py against a real server: every call, its examples, its types, and what it does when a server fails."""
import ast
import hmac
import http.server
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import harness
import pytest

CLIENT = harness.ROOT / "clients/python"
sys.path.insert(0, str(CLIENT))
import safexec  # noqa: E402


@pytest.fixture
def client(server):
    return safexec.Client(server.url)


def test_a_run_comes_back_as_a_result(client):
    result = client.run("import sys; print(input()); print(sys.argv[1:], file=sys.stderr)", stdin="hi\n", args=["a"])
    assert (result.ok, result.verdict, result.stdout, result.stderr, result.exit_code) == (True, "ok", "hi\n", "['a']\n", 0)
    assert result.output in ("hi\n['a']\n", "['a']\nhi\n") and result.isolation["provider"] == "native" and result.check() is result


def test_a_failure_is_a_result_with_its_error(client):
    result = client.run("def f(): 1/0\nf()")
    assert (result.ok, str(result.error)) == (False, "ZeroDivisionError: division by zero")
    assert [(f.function, f.line) for f in result.error.traceback] == [("<module>", 2), ("f", 1)]
    with pytest.raises(RuntimeError, match="division by zero"):
        result.check()


def test_files_go_in_and_come_back(client):
    result = client.run(entrypoint="m.py", files={"m.py": "open('out', 'wb').write(open('in', 'rb').read()[::-1]); open('t', 'w').write('é')", "in": b"\x00\xff"},
                        outputs=["out", "t"])
    assert (result.files["out"].data, result.files["t"].text, result.files["out"].size) == (b"\xff\x00", "é", 2)


def test_values_and_displays_come_back_and_cannot_act_in_a_notebook(client, tmp_path):
    code = """class X:
    def _repr_png_(self): return b"\\x89PNG"
    def _repr_html_(self): return "<script>alert(1)</script>"
    def __repr__(self): return "x<y"
X()"""
    result = client.run(code, last_value=True)
    display, = result.displays
    assert (result.value, display.png, display.text, repr(display)) == ("x<y", b"\x89PNG", "x<y", "x<y")
    display.save(tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes() == b"\x89PNG"
    assert display._repr_png_() == b"\x89PNG" and display._repr_html_() == '<img src="data:image/png;base64,iVBORw==">'
    page = safexec.Display({"text/html": "<script>alert(1)</script>"})._repr_html_()
    assert "<script" not in page and 'sandbox=""' in page
    assert "<script" not in client.run("print('<script>')\n1/0")._repr_html_()
    assert "<script" not in client.run("'<script>'", last_value=True)._repr_html_()


def test_a_stream_tells_as_it_happens_and_leaving_ends_the_run(client, server):
    began = time.monotonic()
    told = []
    for event in client.stream("import time, ctypes; ctypes.CDLL(None).prctl(15, b'left-by-client')\nprint('a', flush=True)\ntime.sleep(20)"):
        told.append((event.kind, event.text))
        if event.kind == "stdout":
            guest, = [p for p in server.processes() if p.comm == "left-by-client"]
            break
    assert told == [("start", ""), ("stdout", "a\n")] and time.monotonic() - began < 10
    harness.wait_until(lambda: not guest.is_alive(), 5, "the guest is dead")
    kinds = [(event.kind, event.result.verdict if event.result else None) for event in client.stream("print(1)")]
    assert kinds == [("start", None), ("stdout", None), ("verdict", "ok")]


def test_cases_and_checks(client):
    cases = client.cases("print(int(input()) * 2)", [{"name": "a", "stdin": "1", "expected": "2"}, {"stdin": "3", "expected": "7"}])
    assert (cases.passed, cases.failed) == (1, 1)
    assert [(c.name, c.passed, c.different_line, c.result.stdout) for c in cases.cases] == [("a", True, None, "2\n"), (None, False, 1, "6\n")]
    assert client.check("print(1)") is None
    assert client.check("print(").type == "SyntaxError"


def test_jobs(client):
    id = client.submit("print('later')", idempotency_key="k1")
    assert client.submit("print('later')", idempotency_key="k1") == id
    job = client.wait(id, timeout=30)
    assert (job.state, job.result.stdout, job.problem) == ("done", "later\n", None)
    assert id in [one["id"] for one in client.jobs()]
    slow = client.submit("import time; time.sleep(30)")
    assert client.cancel(slow).state == "canceled"
    with pytest.raises(safexec.Problem) as caught:
        client.job("job_" + "0" * 32)
    assert caught.value.code == "not_found"


def test_many_jobs_at_once_and_jobs_of_cases(client):
    ids = client.submit_all([{"code": f"print({n})", "files": {"x": b"\xff"}, "priority": 1} for n in range(5)])
    assert [client.wait(id).result.stdout for id in ids] == [f"{n}\n" for n in range(5)]
    job = client.wait(client.submit("print(input())", cases=[{"stdin": "1", "expected": "1"}, {"stdin": "1", "expected": "2"}]))
    assert (job.result, job.cases.passed, job.cases.failed, job.cases.cases[1].different_line) == (None, 1, 1, 1)
    with pytest.raises(safexec.Problem) as refused:
        client.submit_all([{"code": "1"}, {"code": "1", "limits": {"wall_ms": 1}}])
    assert refused.value.field == "jobs[1].limits.wall_ms"


def test_environments_are_listed(client):
    assert client.environments()[0]["name"] == "base"


def test_a_refusal_raises_with_all_that_the_server_says(client):
    with pytest.raises(safexec.Problem, match="limits.wall_ms is 1") as caught:
        client.run("", limits={"wall_ms": 1})
    problem = caught.value
    assert (problem.code, problem.status, problem.retryable, problem.field) == ("limit_out_of_range", 422, "no", "limits.wall_ms")
    assert problem.request_id.startswith("req_")
    with pytest.raises(safexec.Problem):
        next(client.stream("", limits={"wall_ms": 1}))


class Scripted(http.server.BaseHTTPRequestHandler):
    """Gives the answers of a list, one a request."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(self.headers)
        status, headers, body = self.server.answers.pop(0)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def scripted():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        server.url, server.seen, server.answers = f"http://127.0.0.1:{server.server_address[1]}", [], []
        yield server
        server.shutdown()


def problem(retryable, status=503):
    return status, {"Retry-After": "0"}, json.dumps({"code": "x", "status": status, "detail": "d", "retryable": retryable}).encode()


def test_what_never_ran_is_sent_again_and_nothing_else(scripted):
    client = safexec.Client(scripted.url, key="sk_1")
    scripted.answers = [problem("never_ran"), problem("never_ran"), (200, {}, b'{"valid": true}')]
    assert client.check("") is None and len(scripted.seen) == 3
    assert {headers["Authorization"] for headers in scripted.seen} == {"Bearer sk_1"}
    for retryable, count in (("may_have_run", 1), ("no", 1), ("never_ran", 3)):
        scripted.seen.clear()
        scripted.answers = [problem(retryable)] * 3
        with pytest.raises(safexec.Problem):
            client.check("")
        assert len(scripted.seen) == count


@pytest.mark.parametrize("answer, kind", [
    ((200, {}, b"<html>"), safexec.ConnectionFailed), ((200, {}, b"[]"), safexec.ConnectionFailed), ((500, {}, b"<html>"), safexec.Problem),
    ((200, {"Content-Length": "100"}, b"{}"), safexec.ConnectionFailed),
])
def test_a_stranger_is_an_error_of_the_client(scripted, answer, kind):
    scripted.answers = [answer]
    with pytest.raises(kind):
        safexec.Client(scripted.url).check("")


def test_a_stream_that_breaks_off_is_an_error(scripted):
    scripted.answers = [(200, {}, b'{"event": "stdout", "data": "x"}\n{"event": "heartbeat"}\n')]
    told = safexec.Client(scripted.url).stream("")
    assert next(told).text == "x"
    with pytest.raises(safexec.ConnectionFailed):
        next(told)


def test_no_server_is_said():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(safexec.ConnectionFailed):
            safexec.Client(f"http://127.0.0.1:{free.getsockname()[1]}").run("")
    with pytest.raises(ValueError):
        safexec.Client("localhost").run("")


def test_the_examples_of_the_readme_run_and_print_what_they_say(server, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("SAFEXEC_URL", server.url)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (CLIENT / "README.md").read_text(), re.S)
    space = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), space)
    printed = capsys.readouterr().out
    for comment in re.findall(r"print\(.*\) +# (.*)", "\n".join(blocks)):
        assert comment in printed, (comment, printed)
    assert (tmp_path / "squares.png").read_bytes().startswith(b"\x89PNG") and len(blocks) == 4


def test_a_notebook_shows_what_a_run_printed_and_drew(server, monkeypatch):
    """As a cell of IPython: what it shows of a result that ends one is what a notebook gets."""
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell()
    monkeypatch.setenv("SAFEXEC_URL", server.url)
    assert shell.run_cell("import safexec\nclient = safexec.Client()").success
    shown = shell.run_cell("client.run(\"print('a < b')\")")
    data, _ = shell.display_formatter.format(shown.result)
    assert data["text/html"] == "<pre>a &lt; b\n</pre>" and data["text/plain"] == "<Result ok: 'a < b\\n'>"
    figure = "class Figure:\n    def _repr_png_(self): return b'\\x89PNG'\nFigure()"
    shown = shell.run_cell(f"client.run({figure!r}, last_value=True)")
    assert shell.display_formatter.format(shown.result)[0]["text/html"] == '<img src="data:image/png;base64,iVBORw==">'
    data, _ = shell.display_formatter.format(shown.result.displays[0])
    assert data["image/png"] in ("iVBORw==", "iVBORw==\n", b"\x89PNG")
    failed = shell.run_cell("client.run('1/0')").result
    assert "<b>error</b>" in shell.display_formatter.format(failed)[0]["text/html"]
    assert isinstance(shell.run_cell("client.run('', limits=dict(wall_ms=1))").error_in_exec, Exception)


def test_an_interrupted_cell_ends_the_run_that_it_waits_for(server, tmp_path):
    """The notebook keeps the traceback, and with it every object of the frames."""
    code = f"""import sys
sys.path.insert(0, {str(CLIENT)!r})
import safexec
client = safexec.Client({server.url!r})
try:
    client.run("import time; time.sleep(9)")
except KeyboardInterrupt as kept:
    print("interrupted", flush=True)
    sys.stdin.read()
"""

    def number(name):
        with urllib.request.urlopen(server.url + "/metrics", timeout=10) as metrics:
            return int(re.search(rf"^{name} (\d+)$", metrics.read().decode(), re.M)[1])

    before = number("safexec_runs_canceled_total")
    notebook = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    harness.wait_until(lambda: number("safexec_runs_running") > 0, 20, "the run")
    notebook.send_signal(signal.SIGINT)
    assert notebook.stdout.readline() == "interrupted\n"
    harness.wait_until(lambda: number("safexec_runs_canceled_total") == before + 1, 5, "the end of the run")
    notebook.communicate()


def test_a_callback_is_read_only_with_the_right_signature():
    body = json.dumps({"type": "job.ended", "id": "job_" + "0" * 32, "state": "canceled", "is_whole": True, "result": None, "problem": None}).encode()

    def signed(secret=b"s" * 32, at=None, body=body):
        stamp = str(int(time.time() if at is None else at))
        return f"t={stamp},v1=" + hmac.new(secret, stamp.encode() + b"." + body, "sha256").hexdigest()

    secret = (b"s" * 32).hex()
    assert safexec.read_callback(secret, signed(), body).state == "canceled"
    for wrong in ("", "t=1", "v1=00", signed(secret=b"t" * 32), signed(body=b"{}"), signed(at=time.time() - 600), signed().replace("t=", "t=x")):
        with pytest.raises(ValueError):
            safexec.read_callback(secret, wrong, body)


def test_it_needs_nothing_but_the_standard_library_and_python_3_8():
    tree = ast.parse((CLIENT / "safexec.py").read_text(), feature_version=(3, 8))
    modules = {name.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    modules |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules <= set(sys.stdlib_module_names)


def test_its_types_hold():
    if not shutil.which("mypy"):
        pytest.skip("mypy is not here")
    found = subprocess.run(["mypy", "--strict", "--no-incremental", "--cache-dir=/dev/null", str(CLIENT / "safexec.py")], capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stdout
