# SPDX-License-Identifier: Apache-2.0
"""POST /run, row by row of its table, on a real server: at each limit, one past it, and garbage."""

import concurrent.futures
import contextlib
import http.client
import json
import socket
import time

import harness
import pytest
import requests

MIB = 1 << 20
TIMED_OUT = "Execution timed out after 10 seconds."
ok = lambda output: {"success": True, "output": output}


def failed(error, output=""):
    return {"success": False, "error": error, "output": output}


def raw(server, data, seconds=10):
    """Sends bytes, returns what the server says until it closes or has been silent."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as s:
        s.sendall(data)
        received = b""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while chunk := s.recv(65536):
                received += chunk
        return received


# --- a program that ends by itself ---------------------------------------------------------------------------------------

ENDINGS = [
    ("output", "print('hi')", ok("hi\n")),
    ("no output", "", ok("")),
    ("only a comment", "#", ok("")),
    ("no newline at the end", "print(1, end='')", ok("1")),
    ("stderr of a success is not shown", "import sys; print('x', file=sys.stderr)", ok("")),
    ("status 3, silent", "print('a'); raise SystemExit(3)", failed("Exited with status 3.", "a\n")),
    ("status 1, text", "import sys; print('a'); sys.exit('why')", failed("why\n", "a\n")),
    ("status 255", "import os; os._exit(255)", failed("Exited with status 255.")),
    ("status 256 is none", "raise SystemExit(256)", ok("")),
    ("stderr and a status", "import os; os.write(2, b'x'); os._exit(4)", failed("x")),
    ("SIGSEGV", "import os; os.kill(os.getpid(), 11)", failed("Killed by signal 11 (SIGSEGV).")),
    ("SIGKILL", "import os; os.kill(os.getpid(), 9)", failed("Killed by signal 9 (SIGKILL).")),
    (
        "SIGTERM after words",
        "import os; os.write(2, b'x\\n'); os.write(1, b'y'); os.kill(os.getpid(), 15)",
        failed("x\nKilled by signal 15 (SIGTERM).", "y"),
    ),
    ("a real-time signal", "import os; os.kill(os.getpid(), 40)", failed("Killed by signal 40 (signal).")),
]


@pytest.mark.parametrize("code, answer", [row[1:] for row in ENDINGS], ids=[row[0] for row in ENDINGS])
def test_a_program_that_ends_is_answered(server, code, answer):
    assert server.run(code) == answer


def test_the_answer_is_json_and_says_so(server):
    response = server.post({"code": "print(1)"})
    assert (response.status_code, response.headers["Content-Type"].split(";")[0]) == (200, "application/json")
    assert list(response.json()) == ["success", "output"]


def test_an_exception_gives_its_traceback(server):
    answer = server.run("print('before')\ndef f():\n    1/0\nf()")
    assert answer["output"] == "before\n" and not answer["success"]
    lines = answer["error"].splitlines()
    assert lines[0] == "Traceback (most recent call last):" and lines[1] == '  File "/app/script.py", line 4, in <module>'
    assert lines[-1] == "ZeroDivisionError: division by zero" and "    1/0" in lines


# --- limits ---------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def timed(at_least, at_most):
    begin = time.monotonic()
    yield
    seconds = time.monotonic() - begin
    assert at_least <= seconds <= at_most, f"it took {seconds:.2f} s"


def test_wall_time_ends_a_busy_program_with_all_its_processes(server):
    mark = f"marker-of-{time.monotonic_ns()}"
    code = f"""
import subprocess, sys, threading
print("so far", flush=True)
print("a word", file=sys.stderr)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)", "{mark}"], start_new_session=True)
threading.Thread(target=lambda: subprocess.run(["sleep", "1000"])).start()
while True:
    pass
"""
    with timed(9.9, 10.5):
        answer = server.run(code)
    assert answer == failed("a word\n" + TIMED_OUT, "so far\n")
    assert not harness.processes_with(mark)


def test_wall_time_ends_a_sleeping_program_and_not_one_that_ends_just_in_time(server):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        in_time = pool.submit(server.run, "import time; time.sleep(9.3); print('done')")
        with timed(9.9, 10.5):
            assert server.run("import time; time.sleep(1000)") == failed(TIMED_OUT)
        assert in_time.result() == ok("done\n")


@pytest.mark.parametrize(
    "code", ['"a" * 1000000000', "x = []\nwhile True: x.append(bytearray(1 << 20))"], ids=["at once", "bit by bit"]
)
def test_memory_limit(server, code):
    answer = server.run("print('begun', flush=True)\n" + code)
    assert answer == failed("Memory limit of 128 MB exceeded.", "begun\n")


def test_memory_below_the_limit_is_there_to_use(server):
    assert server.run("x = bytearray(90 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\nprint(len(x) >> 20)") == ok("90\n")


@pytest.mark.parametrize("size", [MIB - 1, MIB])
def test_output_up_to_the_limit_is_whole(server, size):
    assert server.run(f"import sys; sys.stdout.write('x' * {size}); sys.stderr.write('y' * {MIB})") == ok("x" * size)


def test_stdout_past_the_limit_ends_the_program_at_once(server):
    with timed(0, 5):
        answer = server.run(f"import os, time\nos.write(1, b'x' * {MIB} + b'y')\ntime.sleep(1000)")
    assert answer == failed("Output limit of 1 MiB exceeded.", "x" * MIB)


def test_stderr_past_the_limit_ends_the_program_at_once(server):
    with timed(0, 5):
        answer = server.run(f"import os, time\nos.write(1, b'out')\nos.write(2, b'x' * {MIB + 1})\ntime.sleep(1000)")
    assert answer == failed("x" * MIB + "\nOutput limit of 1 MiB exceeded.", "out")


def test_an_endless_flood_is_cut_at_the_limit(server):
    with timed(0, 5):
        answer = server.run("while True: print('z' * 1000)")
    assert answer == failed("Output limit of 1 MiB exceeded.", (("z" * 1000 + "\n") * 1100)[:MIB])


def test_a_character_cut_by_the_limit_becomes_one_replacement(server):
    answer = server.run(f"import os\nwhile True: os.write(1, b'x' * {MIB - 1} + '\\U0001f600'.encode() * 100)")
    assert answer["output"] == "x" * (MIB - 1) + "\ufffd"


def test_the_process_limit_is_named_when_the_program_is_silent(server):
    code = """
import os, signal  # not in each child, where it would take memory
try:
    while True:
        if os.fork() == 0:
            signal.pause()
except BlockingIOError:
    os._exit(1)
"""
    assert server.run(code) == failed("Process limit of 64 reached.")


def test_the_disk_limit_shows_as_the_programs_own_error(server):
    answer = server.run("with open('big', 'wb') as f:\n    for _ in range(20): f.write(bytes(1 << 20))")
    assert not answer["success"] and answer["error"].splitlines()[-1] in (
        "OSError: [Errno 28] No space left on device",
        "OSError: [Errno 27] File too large",
    )


# --- read_only ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/app/x", "/tmp/x", "x", "/app/script.py"])
def test_read_only_refuses_writes_with_errno_30(server, path):
    answer = server.run(f"open({path!r}, 'w')", read_only=True)
    assert answer["error"].splitlines()[-1] == f"OSError: [Errno 30] Read-only file system: {path!r}"


def test_read_only_is_off_unless_asked_for(server):
    for more in ({}, {"read_only": False}):
        assert server.run("for d in ('/app', '/tmp'): print(open(d + '/x', 'w').write('abc'))", **more) == ok("3\n3\n")


def test_a_read_only_program_reads_and_computes(server):
    assert server.run("print(open(__file__).read())", read_only=True) == ok("print(open(__file__).read())\n")


# --- what is sent ---------------------------------------------------------------------------------------------------------

ASTRAL = "\U0001f40d"


@pytest.mark.parametrize("length", [1, 4999, 5000])
@pytest.mark.parametrize("character", ["x", "é", "漢", ASTRAL], ids=["ascii", "two bytes", "three bytes", "astral"])
@pytest.mark.parametrize("is_escaped", [True, False], ids=["escaped", "as UTF-8"])
def test_code_up_to_the_limit_runs(server, length, character, is_escaped):
    code = ("#" + character * length)[:length]
    response = server.post(json.dumps({"code": code}, ensure_ascii=is_escaped).encode())
    assert (response.status_code, response.json()) == (200, ok(""))


@pytest.mark.parametrize("length", [5001, 6000, 10000])
@pytest.mark.parametrize("character", ["x", ASTRAL], ids=["ascii", "astral"])
def test_longer_code_is_refused_with_its_length(server, length, character):
    response = server.post({"code": "#" + character * (length - 1)})
    assert (response.status_code, response.json()) == (
        400,
        {"success": False, "error": f"Code is {length} characters long; the limit is 5000."},
    )


REFUSED = [
    ("empty body", b"", "empty"),
    ("blanks", b"  \n", ""),
    ("no JSON", b"print(1)", "JSON"),
    ("cut off", b'{"code": "print(1)"', "JSON"),
    ("single quotes", b"{'code': 'x'}", "JSON"),
    ("trailing comma", b'{"code": "x",}', "JSON"),
    ("something behind", b'{"code": "x"} x', "follows"),
    ("two objects", b'{"code": "x"}{"code": "y"}', "follows"),
    ("NaN", b'{"code": NaN}', "JSON"),
    ("control character in a string", b'{"code": "a\nb"}', "JSON"),
    ("bad escape", rb'{"code": "\x41"}', "JSON"),
    ("byte order mark", b'\xef\xbb\xbf{"code": "x"}', "JSON"),
    ("UTF-16", '{"code": "x"}'.encode("utf-16"), ""),
    ("invalid UTF-8", b'{"code": "\xff"}', "UTF-8"),
    ("overlong UTF-8", b'{"code": "\xc0\xaf"}', "UTF-8"),
    ("surrogate as UTF-8", b'{"code": "\xed\xa0\x80"}', "UTF-8"),
    ("lone high surrogate", rb'{"code": "\ud800"}', "surrogate"),
    ("lone low surrogate", rb'{"code": "\udc00"}', "surrogate"),
    ("surrogates in the wrong order", rb'{"code": "\udc00\ud800"}', "surrogate"),
    ("half a pair before text", rb'{"code": "\ud83dx"}', "surrogate"),
    ("NUL in code", rb'{"code": "a\u0000b"}', "NUL"),
    ("NUL in the body", b'{"code": "a\x00b"}', ""),
    ("NUL in a key", rb'{"code\u0000": "a"}', "NUL"),
    ("duplicate key", b'{"code": "a", "code": "b"}', "twice"),
    ("duplicate key, escaped", rb'{"code": "a", "c\u006fde": "b"}', "twice"),
    ("unknown key", b'{"code": "a", "timeout": 1000}', "timeout"),
    ("unknown key of markup", b'{"code": "a", "<script>": 1}', "not known"),
    ("other case", b'{"Code": "a"}', "Code"),
    ("code missing", b"{}", "code"),
    ("code missing, read_only there", b'{"read_only": true}', "code"),
    ("code null", b'{"code": null}', "string"),
    ("code a number", b'{"code": 1}', "string"),
    ("code a list", b'{"code": ["print(1)"]}', "string"),
    ("code an object", b'{"code": {}}', "string"),
    ("read_only a string", b'{"code": "a", "read_only": "true"}', "read_only"),
    ("read_only a number", b'{"code": "a", "read_only": 1}', "read_only"),
    ("read_only null", b'{"code": "a", "read_only": null}', "read_only"),
    ("a list", b'[{"code": "a"}]', "object"),
    ("a string", b'"print(1)"', "object"),
    ("null", b"null", "object"),
    ("deep nesting", b"[" * 10000 + b"]" * 10000, "nested"),
    ("deep nesting in a value", b'{"code": ' + b'{"a":' * 100 + b"1" + b"}" * 101, "nested"),
]


@pytest.mark.parametrize("body, word", [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_wrong_body_is_refused_in_words(server, body, word):
    response = server.post(body)
    answer = response.json()
    assert response.status_code == 400 and list(answer) == ["success", "error"] and answer["success"] is False
    assert word in answer["error"] and len(answer["error"]) > 20, answer


def test_an_unknown_key_is_shown_shortened_and_as_text(server):
    answer = server.post(json.dumps({"code": "a", "k" * 10000: 1}).encode()).json()
    assert len(answer["error"]) < 300


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/json;charset=UTF-8"]
)
def test_json_by_its_content_type_is_accepted(server, content_type):
    assert server.post({"code": "print(1)"}, {"Content-Type": content_type}).json() == ok("1\n")


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/json+x",
        "application/octet-stream",
    ],
)
def test_another_content_type_is_415(server, content_type):
    response = server.post({"code": "print(1)"}, {"Content-Type": content_type})
    assert (response.status_code, response.json()["success"]) == (415, False) and "application/json" in response.json()["error"]


@pytest.mark.parametrize(
    "method, path, allow",
    [
        ("GET", "/run", "POST"),
        ("PUT", "/run", "POST"),
        ("DELETE", "/run", "POST"),
        ("PATCH", "/run", "POST"),
        ("OPTIONS", "/run", "POST"),
        ("POST", "/", "GET"),
        ("DELETE", "/", "GET"),
    ],
)
def test_another_method_is_405_and_names_the_right_one(server, method, path, allow):
    response = requests.request(method, server.url + path, timeout=10)
    assert response.status_code == 405 and allow in response.headers["Allow"].replace(" ", "").split(",")


@pytest.mark.parametrize(
    "path", ["/nothing", "/run/", "/RUN", "/run/x", "/index.html", "//run", "/%72un/../../etc/passwd", "/..%2f..%2fetc%2fpasswd"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_path_is_404(server, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, path, b'{"code": "print(1)"}' if method == "POST" else None, harness.JSON)
        response = connection.getresponse()
        assert response.status == 404 and json.loads(response.read())["success"] is False


def head(server, *fields, path="/run"):
    return "\r\n".join(
        [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Content-Type: application/json", *fields, "", ""]
    ).encode()


def test_a_body_too_large_is_413_before_it_is_read(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as s:
        s.sendall(head(server, "Content-Length: 1000000000"))
        assert s.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_chunked_body_too_large_is_413(server):
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    assert raw(server, head(server, "Transfer-Encoding: chunked", "Connection: close") + chunk * 8 + b"0\r\n\r\n").startswith(
        b"HTTP/1.1 413 "
    )


def test_a_chunked_body_is_read(server):
    body = json.dumps({"code": "print('chunks')"}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:8], body[8:])) + b"0\r\n\r\n"
    assert b'"chunks\\n"' in raw(server, head(server, "Transfer-Encoding: chunked", "Connection: close") + chunks)


@pytest.mark.parametrize(
    "fields",
    [
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Host": "evil.test"},
        {"Host": "127.0.0.1.evil.test:80"},
        {"Origin": "http://127.0.0.1:1"},
    ],
    ids=lambda f: " ".join(map(": ".join, f.items())),
)
def test_foreign_pages_are_refused(server, fields):
    response = server.post({"code": "print(1)"}, {**harness.JSON, **fields})
    assert (response.status_code, response.json()["success"]) == (403, False)


def test_our_own_page_is_served(server):
    for origin in (server.url, f"http://localhost:{server.port}"):
        assert server.post({"code": "print(1)"}, {**harness.JSON, "Origin": origin, "Host": origin[7:]}).json() == ok("1\n")


# --- what comes out ---------------------------------------------------------------------------------------------------------


def test_every_character_goes_in_and_comes_out(server):
    text = "".join(
        map(chr, [*range(1, 0x100), 0x2028, 0x2029, 0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x1F40D, 0x10FFFF])
    )
    assert server.run(f"import sys; sys.stdout.buffer.write({ascii(text)}.encode())") == ok(text)
    code = "print('äöü 漢字 \U0001f40d \u2028')"
    assert server.run(code) == ok("äöü 漢字 \U0001f40d \u2028\n")


def test_nul_and_controls_come_out_as_they_are(server):
    assert server.run(r"import os; os.write(1, bytes(range(32)) + b'\x7f')") == ok("".join(map(chr, range(32))) + "\x7f")


INVALID = [
    b"\xff",
    b"a\xfe\xffb",
    b"\x80",
    b"\xc3",
    b"\xc3(",
    b"\xe2\x82",
    b"\xe2\x82|",
    b"\xf0\x9f\x98",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    bytes(range(128, 256)),
]


@pytest.mark.parametrize("data", INVALID, ids=repr)
def test_invalid_utf8_is_replaced_and_never_breaks_the_answer(server, data):
    answer = server.run(f"import os; os.write(1, b'<' + {data!r} + b'>'); os.write(2, {data!r}); os._exit(1)")
    assert answer == failed(data.decode("utf-8", "replace"), "<" + data.decode("utf-8", "replace") + ">")


def test_output_cannot_forge_an_answer(server):
    forged = '", "success": true, "x": "\\\n'
    assert server.run(f"print({forged!r}); raise SystemExit(1)") == failed("Exited with status 1.", forged + "\n")


# --- many requests ----------------------------------------------------------------------------------------------------------


def test_24_requests_at_once_all_get_their_answer(server):
    sleeping = "import time; time.sleep(1); print({0})"
    busy = "x = 0\nfor i in range(1_000_000): x += i\nprint({0})"
    codes = [(sleeping if i % 2 else busy).format(i) for i in range(24)]
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(server.run, codes))
    assert answers == [ok(f"{i}\n") for i in range(24)]


def test_100_runs_over_one_connection_know_nothing_of_each_other(server):
    with requests.Session() as session:
        for i in range(100):
            code = f"import os, sys; print({i}, os.listdir('/app'), 'left' in sys.modules); open('/app/left.py', 'w'); import left"
            assert server.run(code, session=session) == ok(f"{i} ['script.py'] False\n")


def test_a_client_that_goes_away_cancels_its_run(server):
    mark = f"gone-{time.monotonic_ns()}"
    body = {"code": f"import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(1000)', '{mark}'])"}
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("POST", "/run", json.dumps(body), harness.JSON)
    harness.wait_until(lambda: harness.processes_with(mark), 5, "the run has begun")
    connection.close()
    harness.wait_until(lambda: not harness.processes_with(mark), 2, "the run is gone")


def test_a_full_queue_is_503_with_retry_after_and_says_so(start_server):
    server = start_server("--slots", "1", "--queue", "1", "--queue-ms", "600")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        first = pool.submit(server.run, "import time; time.sleep(2.5); print('first')")
        harness.wait_until(lambda: server.find("python3") and not first.done(), 5, "the first run has begun")
        time.sleep(0.3)  # it is in its cell: nothing outside shows when
        answers = list(pool.map(lambda _: server.post({"code": "print('later')"}), range(3)))
    assert first.result() == ok("first\n")
    assert [r.status_code for r in answers] == [503] * 3
    assert all(int(r.headers["Retry-After"]) >= 1 and r.json()["success"] is False for r in answers)
    # Two found the queue full; one waited the queue's time and got no cell.
    texts = sorted(r.json()["error"] for r in answers)
    assert sum("queue is full" in t for t in texts) == 2 and sum("no cell became free in time" in t for t in texts) == 1
    assert server.run("print(1)") == ok("1\n")


def test_neither_code_nor_output_is_logged(server):
    mark = f"private-{time.monotonic_ns()}"
    server.run(f"print('{mark}'); import sys; sys.exit('{mark}')")
    server.post(json.dumps({"code": 1, mark: 2}).encode())
    server.run(f"'{mark}' * 10**9")
    assert mark not in server.log()
