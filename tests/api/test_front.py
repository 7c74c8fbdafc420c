# SPDX-License-Identifier: Apache-2.0
"""The front alone, before a provider that is a script (fake_provider.py): every row of POST /run's table, and HTTP abuse.
Needs no root; as root the front drops to nobody, as it does under the supervisor."""
import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest
import requests

sys.path.insert(0, os.path.dirname(__file__))
from fake_provider import FakeProvider  # noqa: E402

PROGRAM = os.path.join(os.environ.get("SAFEXEC_BUILD", "build"), "safexecd")
MIB = 1 << 20
# As root the front becomes nobody, else it stays who we are.
IDS = ["--uid", "65534", "--gid", "65534"] if os.geteuid() == 0 else ["--uid", str(os.getuid()), "--gid", str(os.getgid())]
# Looking for leaks at the end takes ptrace, which the front cannot call; the unit tests look for them.
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


class Front:
    def __init__(self, *options, slots=2):
        self.provider = FakeProvider(slots)
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = listener.getsockname()[1]
        self.name = f"127.0.0.1:{self.port}"
        fds = (listener.fileno(), self.provider.end.fileno())
        self.process = subprocess.Popen(
            [PROGRAM, "--listen-fd", str(fds[0]), "--provider-fd", str(fds[1]), "--listen-name", self.name, *IDS, *options],
            pass_fds=fds, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        listener.close()
        self.provider.end.close()
        self.provider.start()
        self.first_line = self.process.stderr.readline()

    def url(self, path="/run"):
        return f"http://{self.name}{path}"

    def run(self, code, **more):
        return requests.post(self.url(), json={"code": code}, timeout=30, **more)

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def close(self):
        self.provider.close()
        self.process.terminate()
        _, rest = self.process.communicate(timeout=10)
        return self.process.returncode, rest


@pytest.fixture(scope="module")
def front():
    front = Front("--queue", "2", "--queue-ms", "700", "--head-ms", "500", "--body-ms", "500")
    yield front
    code, rest = front.close()
    assert code in (0, 1), rest
    assert "Sanitizer" not in rest


@pytest.fixture
def own():
    """Makes fronts with their own options and ends them."""
    fronts = []

    def make(*options, **more):
        fronts.append(Front(*options, **more))
        return fronts[-1]

    yield make
    for one in fronts:
        one.close()


def raw_request(body=b"", head=b"POST /run HTTP/1.1\r\n", host=b"Host: localhost\r\n", headers=b"Content-Type: application/json\r\n",
                length=True):
    size = b"Content-Length: %d\r\n" % len(body) if length else b""
    return head + host + headers + size + b"\r\n" + body


def read_reply(file, has_body=True):
    """One reply from a socket's file: status, headers, body."""
    line = file.readline()
    if not line:
        return None, {}, b""
    headers = {}
    for field in iter(file.readline, b"\r\n"):
        if not field:
            break
        name, _, value = field.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(line.split()[1]), headers, file.read(int(headers.get("content-length", 0)) if has_body else 0)


def exchange(front, data):
    with front.connect() as client:
        client.sendall(data)
        return read_reply(client.makefile("rb"), not data.startswith(b"HEAD "))


def drain(events):
    while not events.empty():
        events.get_nowait()


def check_failure(response, status, message=None):
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    answer = response.json()
    assert set(answer) == {"success", "error"} and answer["success"] is False
    if message:
        assert message in answer["error"]


# --- the table ------------------------------------------------------------------------------------------------------

def test_a_first_cell_makes_it_say_ready(front):
    assert front.first_line == f"safexecd: ready on {front.name}\n"


def test_success_has_two_keys_and_the_output(front):
    response = front.run("ok:4\n")
    assert (response.status_code, response.text) == (200, '{"success": true, "output": "4\\n"}')
    assert response.headers["Content-Type"] == "application/json" and response.headers["Cache-Control"] == "no-store"


def test_stage_timings_come_in_a_header(front):
    timing = front.run("ok:").headers["Server-Timing"]
    assert timing.startswith("queue;dur=") and timing.endswith(", setup;dur=0.100, run;dur=2.000, collect;dur=0.050")


@pytest.mark.parametrize("code, error, output", [
    ("error:Traceback\nBoom\n", "Traceback\nBoom\n", "before\n"),
    ("exit:3", "Exited with status 3.", ""),
    ("signal:11", "Killed by signal 11 (SIGSEGV).", ""),
    ("signal:64", "Killed by signal 64 (signal).", ""),
    ("verdict:timeout", "Execution timed out after 10 seconds.", "so far"),
    ("verdict:timeout:no newline", "no newline\nExecution timed out after 10 seconds.", "so far"),
    ("verdict:timeout:newline\n", "newline\nExecution timed out after 10 seconds.", "so far"),
    ("verdict:cpu_timeout", "CPU time limit of 10 seconds exceeded.", "so far"),
    ("verdict:memory", "Memory limit of 128 MB exceeded.", "so far"),
    ("verdict:output", "Output limit of 1 MiB exceeded.", "so far"),
    ("verdict:pids", "Process limit of 64 reached.", "so far"),
    ("verdict:pids:BlockingIOError", "BlockingIOError", "so far"),
    ("verdict:disk", "Disk limit of 16 MiB reached.", "so far"),
    ("verdict:disk:OSError", "OSError", "so far"),
])
def test_a_failed_program_is_a_200_with_its_reason(front, code, error, output):
    response = front.run(code)
    assert response.status_code == 200
    assert response.json() == {"success": False, "error": error, "output": output}


@pytest.mark.parametrize("body, message", [
    (b"", "The body is empty"),
    (b"{}", 'The key "code" is missing'),
    (b'{"code": 5}', '"code" is not a string'),
    (b'{"code": null}', '"code" is not a string'),
    (b'["code"]', "not a JSON object"),
    (b'"code"', "not a JSON object"),
    (b"17", "not a JSON object"),
    (b"{", "not valid JSON"),
    (b'{"code": "1",}', "not valid JSON"),
    (b"{'code': '1'}", "not valid JSON"),
    (b'{"code": "1"} x', "Something follows"),
    (b'{"code": "1"}{}', "Something follows"),
    (b'{"code": "1", "code": "2"}', "twice"),
    (b'{"code": "a\\u0000b"}', "NUL"),
    (b'{"code": "a\0b"}', "not valid JSON"),
    (b'{"code": "\\ud800"}', "surrogate"),
    (b'{"code": "\\udc00\\ud800"}', "surrogate"),
    (b'{"code": "\xff"}', "UTF-8"),
    (b'{"code": "1", "stdin": ""}', 'The key "stdin" is not known'),
    (b'{"code": "1", "a\\n\\"b": ""}', 'The key "a\\u000a\\u0022b" is not known'),
    (b'{"code": "1", "read_only": 1}', '"read_only" is not a boolean'),
    (b'{"code": "1", "read_only": null}', '"read_only" is not a boolean'),
    (b'{"code": "1", "read_only": "true"}', '"read_only" is not a boolean'),
    (b"[[[[[[[[[" + b"]" * 9, "nested"),
    (b"[" * 100000, "nested"),
    (b'{"code": 1e999}', "not valid JSON"),
])
def test_a_wrong_body_is_a_400_that_says_what_is_wrong(front, body, message):
    check_failure(requests.post(front.url(), data=body, headers={"Content-Type": "application/json"}, timeout=10), 400, message)


@pytest.mark.parametrize("filler", ["x", "é", "\U0001f600", "\x01", '"'])
def test_code_is_measured_in_characters_whatever_their_encoding(front, filler):
    for escape in (False, True):
        def send(chars):
            body = json.dumps({"code": "code:" + filler * (chars - 5)}, ensure_ascii=escape).encode()
            return requests.post(front.url(), data=body, headers={"Content-Type": "application/json"}, timeout=10)

        assert send(5000).json() == {"success": True, "output": "5000 0"}
        response = send(5001)
        check_failure(response, 400)
        assert response.json()["error"] == "Code is 5001 characters long; the limit is 5000."


def test_read_only_reaches_the_cell(front):
    for value, flags in ((True, 1), (False, 0)):
        response = requests.post(front.url(), json={"code": "code:", "read_only": value}, timeout=10)
        assert response.json()["output"] == f"5 {flags}"


@pytest.mark.parametrize("content_type, status", [
    ("application/json", 200), ("application/json; charset=utf-8", 200), ("Application/JSON", 200), ("application/json ;x=y", 200),
    ("text/plain", 415), ("application/jsonp", 415), ("application/x-www-form-urlencoded", 415), ("", 415), (None, 415),
])
def test_only_json_by_its_content_type_is_read(front, content_type, status):
    response = requests.post(front.url(), data=b'{"code": "ok:1"}', headers={"Content-Type": content_type}, timeout=10)
    assert response.status_code == status
    if status != 200:
        check_failure(response, 415, "application/json")


@pytest.mark.parametrize("method, path, status, allow", [
    ("GET", "/run", 405, "POST"), ("PUT", "/run", 405, "POST"), ("OPTIONS", "/run", 405, "POST"), ("HEAD", "/run", 405, "POST"),
    ("BREW", "/run", 405, "POST"), ("post", "/run", 405, "POST"), ("POST", "/", 405, "GET"), ("DELETE", "/app.js", 405, "GET"),
    ("GET", "/nothing", 404, None), ("POST", "/run/", 404, None), ("GET", "/%2e%2e/", 404, None), ("GET", "/" + "a" * 4000, 404, None),
    ("POST", "/%72un", 404, None), ("GET", "/run%00", 404, None), ("GET", "//", 404, None),
])
def test_other_methods_and_paths_are_named(front, method, path, status, allow):
    status_seen, headers, body = exchange(front, raw_request(head=f"{method} {path} HTTP/1.1\r\n".encode()))
    assert (status_seen, headers.get("allow")) == (status, allow)
    if method != "HEAD":
        assert json.loads(body)["success"] is False


def test_a_query_does_not_matter(front):
    assert requests.get(front.url("/?x=1"), timeout=10).status_code == 200


def test_health_is_ok(front):
    assert requests.get(front.url("/healthz"), timeout=10).json() == {"status": "ok"}


def test_the_page_and_its_files_come_with_a_strict_policy(front):
    for path, kind in (("/", "text/html"), ("/app.js", "text/javascript"), ("/style.css", "text/css"), ("/icon.svg", "image/svg+xml")):
        response = requests.get(front.url(path), timeout=10)
        assert response.status_code == 200 and response.headers["Content-Type"].startswith(kind)
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "http" not in response.text.replace("http://www.w3.org/2000/svg", "").replace("HTTP", "")


# --- output ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("data", [
    b"\x00", bytes(range(256)), b"\xff\xfe", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf",
    b"\xf0\x9f\x98\x80ok", b'"\\/\b\f\n\r\t\x7f\x1b[31m</script>', b"\xe2\x82\xe2\x82\xac",
])
def test_output_is_what_python_would_decode_with_replacement(front, data):
    assert front.run("hex:" + data.hex()).json() == {"success": True, "output": data.decode("utf-8", "replace")}


def test_output_up_to_the_limit_is_kept_whole(front):
    assert front.run(f"out:{MIB}").json() == {"success": True, "output": "x" * MIB}


@pytest.mark.parametrize("size", [MIB + 1, 50 * MIB])
def test_output_over_the_limit_stops_the_program_and_keeps_the_first_part(front, size):
    drain(front.provider.events)
    answer = front.run(f"out:{size}").json()
    assert answer == {"success": False, "error": "Output limit of 1 MiB exceeded.", "output": "x" * MIB}
    if size > 10 * MIB:
        assert front.provider.events.get(timeout=5) == ("flooded", True)


def test_output_that_comes_after_the_verdict_is_not_lost(front):
    assert front.run("late:last words").json() == {"success": True, "output": "last words"}


# --- the provider fails ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("code", ["die:", "garbage:", "badverdict:", "verdict:internal", "verdict:refused"])
def test_a_failing_provider_is_a_500_and_the_next_run_works(front, code):
    check_failure(front.run(code), 500, "The server")
    assert front.run("ok:1").json()["output"] == "1"


def test_it_says_whether_the_code_may_have_run(front):
    check_failure(front.run("die:"), 500, "may have run")
    check_failure(front.run("verdict:internal"), 500, "did not run")


def test_streams_that_do_not_end_after_the_verdict_are_a_500(front):
    check_failure(front.run("keepopen:"), 500, "may have run")


def test_a_silent_provider_is_given_up(own):
    one = own("--limit", "wall_ms=10")
    started = time.monotonic()
    check_failure(one.run("wait:"), 500, "may have run")
    assert 4.9 < time.monotonic() - started < 6.5


# --- the queue ------------------------------------------------------------------------------------------------------

def hold(front, count):
    """Fills `count` cells and returns their threads' results."""
    results, threads = [], []
    front.provider.release.clear()
    drain(front.provider.events)
    for number in range(count):
        threads.append(threading.Thread(target=lambda: results.append(front.run("hold:held"))))
        threads[-1].start()
        assert front.provider.events.get(timeout=5)[0] == "holding"
    return results, threads


def let_go(front, threads):
    front.provider.release.set()
    for thread in threads:
        thread.join(10)


def test_a_waiting_request_gets_the_next_free_cell(front):
    results, threads = hold(front, 2)
    waiting = threading.Thread(target=lambda: results.append(front.run("ok:waited")))
    waiting.start()
    time.sleep(0.1)
    let_go(front, [*threads, waiting])
    assert sorted(r.json()["output"] for r in results) == ["held", "held", "waited"]


def test_a_request_that_waits_too_long_is_a_503(front):
    results, threads = hold(front, 2)
    started = time.monotonic()
    response = front.run("ok:1")
    waited = time.monotonic() - started
    let_go(front, threads)
    check_failure(response, 503, "busy")
    assert response.headers["Retry-After"] == "1" and 0.6 < waited < 1.2


def test_a_full_queue_is_a_503_at_once(front):
    results, threads = hold(front, 2)
    waiting = [threading.Thread(target=lambda: results.append(front.run("ok:1"))) for _ in range(2)]
    for thread in waiting:
        thread.start()
    time.sleep(0.1)
    started = time.monotonic()
    response = front.run("ok:1")
    took = time.monotonic() - started
    let_go(front, threads + waiting)
    check_failure(response, 503, "queue is full")
    assert response.headers["Retry-After"] == "1" and took < 0.3


def test_many_requests_at_once_all_get_their_own_answer(own):
    one = own()
    results = {}

    def ask(number):
        results[number] = one.run(f"ok:{number}").json()["output"]

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == {n: str(n) for n in range(24)}


# --- connections ----------------------------------------------------------------------------------------------------

def test_a_connection_serves_many_requests(front):
    with requests.Session() as session:
        session.post(front.url(), json={"code": "ok:1"}, timeout=10)
        for _ in range(20):
            for response in (session.post(front.url(), json={"code": "ok:1"}, timeout=10), session.get(front.url("/"), timeout=10),
                             session.get(front.url("/nothing"), timeout=10), session.post(front.url(), data=b"{", timeout=10)):
                assert response.headers.get("Connection", "keep-alive").lower() != "close"


def test_pipelined_requests_are_answered_in_order(front):
    data = b"".join(raw_request(json.dumps({"code": f"ok:{n}"}).encode()) for n in range(5))
    with front.connect() as client:
        client.sendall(data)
        file = client.makefile("rb")
        assert [json.loads(read_reply(file)[2])["output"] for _ in range(5)] == list("01234")


@pytest.mark.parametrize("is_reset", [False, True])
def test_a_client_that_leaves_cancels_its_run_at_once(front, is_reset):
    drain(front.provider.events)
    client = front.connect()
    client.sendall(raw_request(b'{"code": "wait:x"}'))
    assert front.provider.events.get(timeout=5) == ("waiting", "x")
    if is_reset:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    left_at = time.monotonic()
    client.close()
    what, _, closed_at = front.provider.events.get(timeout=5)
    assert what == "closed" and closed_at - left_at < 0.1


def test_a_client_that_leaves_while_it_waits_frees_its_place(front):
    results, threads = hold(front, 2)
    clients = [front.connect() for _ in range(2)]
    for client in clients:
        client.sendall(raw_request(b'{"code": "ok:1"}'))
    time.sleep(0.1)
    for client in clients:
        client.close()
    time.sleep(0.1)
    response = front.run("ok:1")
    let_go(front, threads)
    check_failure(response, 503, "no cell became free")


def test_it_does_not_spin_after_a_client_has_left(front):
    def ticks():
        with open(f"/proc/{front.process.pid}/stat") as f:
            return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))

    test_a_client_that_leaves_cancels_its_run_at_once(front, True)
    before = ticks()
    time.sleep(0.5)
    assert ticks() - before <= 5


# --- who may ask ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("host, status", [
    ("127.0.0.1", 200), ("localhost", 200), ("LocalHost:81", 200), ("[::1]", 200), ("[::1]:5000", 200), ("127.0.0.1:1", 200),
    ("evil.example", 403), ("127.0.0.1.evil.example", 403), ("localhost.evil.example:5000", 403), ("127.0.0.1:80@evil", 403),
    ("[::1]evil", 403), ("[::1", 403), ("", 403), (":5000", 403), ("localhost:5000x", 403), ("10.0.0.1", 403),
])
def test_a_foreign_host_is_refused(front, host, status):
    seen, _, body = exchange(front, raw_request(b'{"code": "ok:1"}', host=f"Host: {host}\r\n".encode()))
    assert seen == status and json.loads(body)["success"] is (status == 200)


@pytest.mark.parametrize("origin, status", [
    ("http://localhost", 200), ("HTTP://LOCALHOST", 200), ("https://localhost", 200), ("http://localhost:3000", 403),
    ("http://evil.example", 403), ("null", 403), ("http://127.0.0.1", 403), ("file://localhost", 403), ("", 403),
])
def test_a_foreign_origin_is_refused(front, origin, status):
    headers = f"Content-Type: application/json\r\nOrigin: {origin}\r\n".encode()
    seen, _, _ = exchange(front, raw_request(b'{"code": "ok:1"}', headers=headers))
    assert seen == status


@pytest.mark.parametrize("path, site, mode, status", [
    ("/", "same-origin", "cors", 200), ("/", "none", "navigate", 200), ("/", "cross-site", "navigate", 200),
    ("/", "cross-site", "no-cors", 403), ("/", "same-site", "no-cors", 403), ("/app.js", "cross-site", "no-cors", 403),
    ("/app.js", "cross-site", "navigate", 403), ("/healthz", "cross-site", "cors", 403),
])
def test_other_sites_may_link_here_but_not_use_it(front, path, site, mode, status):
    response = requests.get(front.url(path), headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}, timeout=10)
    assert response.status_code == status


# --- abuse of HTTP --------------------------------------------------------------------------------------------------

GOOD = b'{"code": "ok:1"}'


@pytest.mark.parametrize("headers, body", [
    (b"Content-Length: 16\r\nContent-Length: 16\r\n", GOOD),
    (b"Content-Length: 16\r\nContent-Length: 2\r\n", GOOD),
    (b"Content-Length: 16\r\nTransfer-Encoding: chunked\r\n", b"10\r\n" + GOOD + b"\r\n0\r\n\r\n"),
    (b"Transfer-Encoding: chunked\r\nContent-Length: 16\r\n", b"10\r\n" + GOOD + b"\r\n0\r\n\r\n"),
    (b"Transfer-Encoding: gzip, chunked\r\n", b"10\r\n" + GOOD + b"\r\n0\r\n\r\n"),
    (b"Transfer-Encoding: identity\r\nContent-Length: 16\r\n", GOOD),
    (b"Transfer-Encoding: xchunked\r\n", b"10\r\n" + GOOD + b"\r\n0\r\n\r\n"),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"10\r\n" + GOOD + b"\r\n0\r\n\r\n"),
    (b"Content-Length : 16\r\n", GOOD),
    (b"Content-Length\t: 16\r\nContent-Length: 16\r\n", GOOD),
    (b"X: a\rContent-Length: 16\r\nContent-Length: 16\r\n", GOOD),
    (b"X: a\x01b\r\nContent-Length: 16\r\n", GOOD),
    (b"Host: localhost\r\nContent-Length: 16\r\n", GOOD),
    (b"X y: 1\r\nContent-Length: 16\r\n", GOOD),
])
def test_a_head_that_two_readers_could_understand_differently_is_a_400(front, headers, body):
    data = b"POST /run HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + headers + b"\r\n" + body
    with front.connect() as client:
        client.sendall(data + raw_request(GOOD))
        file = client.makefile("rb")
        status, _, reply = read_reply(file)
        assert status == 400 and json.loads(reply)["success"] is False
        assert file.read() == b""  # closed: what follows is not taken for a request


def test_a_header_without_a_name_ends_the_head_for_the_library_and_nothing_runs(front):
    data = b"POST /run HTTP/1.1\r\nHost: localhost\r\n: 1\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n" + GOOD
    with front.connect() as client:
        client.sendall(data)
        file = client.makefile("rb")
        assert read_reply(file)[0] == 415  # what was read so far
        assert read_reply(file)[0] == 400  # the rest, taken for a request


@pytest.mark.parametrize("length", [b"-1", b"+5", b"5x", b"0x10", b"16, 16", b"99999999999999999999999", b""])
def test_an_odd_content_length_never_runs_anything(front, length):
    headers = b"Content-Type: application/json\r\nContent-Length: " + length + b"\r\n"
    status, _, _ = exchange(front, raw_request(GOOD, headers=headers, length=False))
    assert status in (400, 413)  # the library answers some of these itself; its bodies are not ours


@pytest.mark.parametrize("head, host", [
    (b"POST /run HTTP/1.1\r\n", b""), (b"POST /run x HTTP/1.1\r\n", b"Host: localhost\r\n"),
    (b"POST /run HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", b"Host: localhost\r\n"),
])
def test_a_broken_first_line_or_a_missing_host_is_a_400(front, head, host):
    assert exchange(front, raw_request(GOOD, head=head, host=host, length=b"chunked" not in head))[0] == 400


def test_http_1_0_works(front):
    status, headers, body = exchange(front, raw_request(GOOD, head=b"POST /run HTTP/1.0\r\n"))
    assert status == 200 and json.loads(body)["output"] == "1"


@pytest.mark.parametrize("junk", [b"\0" * 100, b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\r\n" * 50 + b"x y z\r\n\r\n"])
def test_junk_is_refused_or_closed_and_the_server_goes_on(front, junk):
    with front.connect() as client:
        client.sendall(junk)
        try:
            client.settimeout(2)
            client.recv(4096)
        except (ConnectionError, TimeoutError):
            pass
    assert front.run("ok:1").json()["output"] == "1"


def test_a_head_past_the_memory_of_a_connection_is_refused(front):
    status, _, _ = exchange(front, raw_request(GOOD, headers=b"X: " + b"y" * 30000 + b"\r\n"))
    assert status in (413, 431)


def test_a_long_body_is_a_413_before_it_is_read(front):
    head = raw_request(length=False, headers=b"Content-Type: application/json\r\nContent-Length: 131073\r\n")
    status, _, body = exchange(front, head)
    assert status == 413 and json.loads(body)["success"] is False


def test_a_body_at_the_cap_is_read(front):
    body = GOOD + b" " * (131072 - len(GOOD))
    assert exchange(front, raw_request(body))[0] == 200
    assert exchange(front, raw_request(body + b" "))[0] == 413


def test_a_client_that_sends_a_long_body_regardless_can_read_the_413(front):
    check_failure(requests.post(front.url(), data=b"x" * 8 * MIB, headers={"Content-Type": "application/json"}, timeout=10), 413)


def chunked(body, size=10000):
    parts = [b"%x\r\n" % len(body[i:i + size]) + body[i:i + size] + b"\r\n" for i in range(0, len(body), size)]
    return raw_request(length=False, headers=b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n") + b"".join(parts) + b"0\r\n\r\n"


def test_a_chunked_body_works(front):
    for size in (1, 5, 100):
        status, _, body = exchange(front, chunked(GOOD, size))
        assert status == 200 and json.loads(body)["output"] == "1"


@pytest.mark.parametrize("size", [131073, 300000, 900000, 3 * MIB])
def test_a_long_chunked_body_is_a_413(front, size):
    with front.connect() as client:
        sender = threading.Thread(target=lambda: client.sendall(chunked(b"x" * size)))
        sender.start()
        status, _, body = read_reply(client.makefile("rb"))
        sender.join(10)
    assert status == 413 and json.loads(body)["success"] is False


def test_expect_continue_is_honoured(front):
    with front.connect() as client:
        file = client.makefile("rb")
        client.sendall(raw_request(length=False, headers=b"Content-Type: application/json\r\nContent-Length: 16\r\nExpect: 100-continue\r\n"))
        assert file.readline() == b"HTTP/1.1 100 Continue\r\n" and file.readline() == b"\r\n"
        client.sendall(GOOD)
        assert read_reply(file)[0] == 200


def test_expect_continue_with_a_long_body_gets_the_413_instead(front):
    head = raw_request(length=False, headers=b"Content-Type: application/json\r\nContent-Length: 200000\r\nExpect: 100-continue\r\n")
    assert exchange(front, head)[0] == 413


def trickle(front, data, pause=0.05):
    """Sends a byte at a time and returns after how many seconds the server had enough."""
    started = time.monotonic()
    with front.connect() as client:
        client.settimeout(pause)
        for i in range(len(data)):
            try:
                client.sendall(data[i:i + 1])
                if client.recv(100) == b"":
                    break
            except socket.timeout:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("the server waited to the end")
    return time.monotonic() - started


def test_a_head_that_trickles_is_cut_off_at_an_absolute_deadline(front):
    assert 0.4 < trickle(front, b"POST /run HTTP/1.1\r\n" + b"X: y\r\n" * 100) < 3


def test_a_body_that_trickles_is_cut_off_at_an_absolute_deadline(front):
    with front.connect() as client:
        client.sendall(raw_request(length=False, headers=b"Content-Type: application/json\r\nContent-Length: 1000\r\n"))
        started = time.monotonic()
        client.settimeout(0.05)
        while time.monotonic() - started < 5:
            try:
                client.sendall(b" ")
                if client.recv(100) == b"":
                    break
            except socket.timeout:
                continue
            except ConnectionError:
                break
        assert 0.3 < time.monotonic() - started < 2


def test_an_idle_connection_is_closed(own):
    one = own("--idle-ms", "300", "--head-ms", "600")
    for request, seconds in ((b"", 0.6), (b"GET", 0.6), (raw_request(GOOD), 0.3)):
        with one.connect() as client:
            client.sendall(request)
            file = client.makefile("rb")
            assert not request.endswith(GOOD) or read_reply(file)[0] == 200
            started = time.monotonic()
            assert file.read(1) == b"" and seconds - 0.1 < time.monotonic() - started < seconds + 1


def test_a_client_that_does_not_read_its_reply_is_cut_off(own):
    one = own("--reply-ms", "300", "--limit", "output_bytes=16M")
    client = one.connect()
    client.sendall(raw_request(b'{"code": "out:16777216"}'))
    time.sleep(1.5)
    received = 0
    while piece := client.recv(MIB):
        received += len(piece)
    assert 0 < received < 16 * MIB
    client.close()
    assert one.run("ok:1").json()["output"] == "1"


def test_connections_past_the_maximum_wait_their_turn(own):
    one = own("--connections", "4", "--head-ms", "400")
    idle = [one.connect() for _ in range(4)]
    assert one.run("ok:1").json()["output"] == "1"  # once the idle ones are closed
    for client in idle:
        client.close()


# --- beginning and end ----------------------------------------------------------------------------------------------

def test_sigterm_finishes_what_runs_and_exits_0(own):
    one = own()
    results, threads = hold(one, 1)
    one.process.terminate()
    time.sleep(0.1)
    assert one.process.poll() is None
    let_go(one, threads)
    assert results[0].json() == {"success": True, "output": "held"} and results[0].headers["Connection"] == "close"
    assert one.process.wait(5) == 0 and one.process.stderr.read() == ""


def test_sigterm_without_work_exits_at_once(own):
    one = own()
    one.run("ok:1")
    started = time.monotonic()
    one.process.terminate()
    assert one.process.wait(5) == 0 and time.monotonic() - started < 0.5


def test_sigterm_tells_those_who_wait(own):
    one = own(slots=1)
    results, threads = hold(one, 1)
    waiting = threading.Thread(target=lambda: results.append(one.run("ok:1")))
    waiting.start()
    time.sleep(0.1)
    one.process.terminate()
    waiting.join(5)
    check_failure(results[0], 503, "stopping")
    let_go(one, threads)
    assert one.process.wait(5) == 0


def test_sigint_is_left_to_the_supervisor(own):
    one = own()
    one.process.send_signal(2)
    assert one.run("ok:1").json()["output"] == "1"


def test_a_lost_provider_ends_the_front_with_one_sentence_and_answers_first(own):
    one = own(slots=1)
    results, threads = hold(one, 1)
    waiting = threading.Thread(target=lambda: results.append(one.run("ok:1")))
    waiting.start()
    time.sleep(0.1)
    one.provider.is_refilling = False
    one.provider.link.close()
    waiting.join(5)
    check_failure(results[0], 503, "restarted")
    one.provider.cells[0].control.shutdown(socket.SHUT_RDWR)
    threads[0].join(5)
    check_failure(results[1], 500, "may have run")
    assert one.process.wait(5) == 1
    lines = one.process.stderr.read().splitlines()
    assert lines[0] == "safexecd: The provider has closed its link; answering what is under way, then ending."


def test_a_provider_that_talks_nonsense_is_left(own):
    one = own()
    one.provider.is_refilling = False
    one.provider.link.send(b"nonsense")
    assert one.process.wait(5) == 1
    assert one.process.stderr.read().startswith("safexecd: The provider sent what is not a cell")


def test_a_cell_that_dies_while_it_is_ready_costs_nobody_anything(own):
    one = own(slots=3)
    one.provider.is_refilling = False
    for slot in (0, 1):
        one.provider.cells[slot].control.shutdown(socket.SHUT_RDWR)
    assert one.run("ok:1").json()["output"] == "1"


def test_the_listening_socket_outlives_the_front():
    listener = socket.create_server(("127.0.0.1", 0))
    for _ in range(2):
        provider = FakeProvider(1)
        process = subprocess.Popen([PROGRAM, "--listen-fd", str(listener.fileno()), "--provider-fd", str(provider.end.fileno()), *IDS],
                                   pass_fds=(listener.fileno(), provider.end.fileno()), stderr=subprocess.PIPE, text=True,
                                   env=ENVIRONMENT)
        provider.end.close()
        provider.start()
        process.stderr.readline()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/run"
        assert requests.post(url, json={"code": "ok:1"}, timeout=10).json()["output"] == "1"
        provider.close()
        assert process.wait(5) == 1
        process.stderr.close()
    listener.close()


def test_it_is_confined(front):
    status = dict(line.split(":\t", 1) for line in open(f"/proc/{front.process.pid}/status"))
    assert status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2"
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[name], 16) == 0, name
    if os.geteuid() == 0:
        assert int(status["CapBnd"], 16) == 0
        assert status["Uid"].split() == ["65534"] * 4 and status["Gid"].split() == ["65534"] * 4 and status["Groups"].split() == []


def test_others_of_its_user_cannot_look_into_it(front):
    if os.geteuid() != 0:
        pytest.skip("not root")
    assert os.stat(f"/proc/{front.process.pid}/mem").st_uid == 0  # not dumpable: proc(5)


def test_it_does_not_outlive_its_supervisor():
    provider = FakeProvider(1)
    listener = socket.create_server(("127.0.0.1", 0))
    command = [PROGRAM, "--listen-fd", str(listener.fileno()), "--provider-fd", str(provider.end.fileno()), *IDS]
    supervisor = subprocess.Popen(
        [sys.executable, "-c", "import subprocess, sys; subprocess.Popen(sys.argv[1:], close_fds=False).wait()", *command],
        pass_fds=(listener.fileno(), provider.end.fileno()), stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    provider.end.close()
    provider.start()
    assert "ready" in supervisor.stderr.readline()
    supervisor.kill()
    assert supervisor.stderr.read() == ""  # the pipe's last writer is gone
    supervisor.wait(5)
    provider.link.settimeout(5)
    assert provider.link.recv(1) == b""
    provider.close()
    listener.close()


def test_it_leaves_no_descriptor_behind(front):
    if os.geteuid() != 0:
        pytest.skip("not dumpable: only root may look")

    def descriptors():
        return len(os.listdir(f"/proc/{front.process.pid}/fd"))

    front.run("ok:1")
    time.sleep(0.2)
    before = descriptors()
    for number in range(100):
        front.run("ok:1" if number % 2 else "out:2000000")
        test_a_client_that_leaves_cancels_its_run_at_once(front, number % 4 == 0)
    time.sleep(0.2)
    assert descriptors() <= before + 2


@pytest.mark.parametrize("arguments, message", [
    ([], "--listen-fd and --provider-fd are needed"),
    (["--listen-fd", "x"], "--listen-fd x: not a number"),
    (["--queue", "10001"], "--queue 10001: not a number from 0 to 10000"),
    (["--limit", "wall_ms=0"], "--limit wall_ms=0: not a number from 10 to 600000"),
    (["--limit", "nothing=1"], "--limit nothing=1: write NAME=VALUE"),
    (["--listen-fd", "0", "--provider-fd", "0", "--uid", "5"], "--uid and --gid are needed together"),
    (["extra"], "extra: no argument is expected"),
])
def test_a_wrong_command_line_is_status_2_and_one_sentence(arguments, message):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=10)
    assert done.returncode == 2 and done.stderr.startswith("safexecd: " + message) and done.stderr.count("\n") == 1


def test_a_wrong_descriptor_is_status_1_and_one_sentence():
    done = subprocess.run([PROGRAM, "--listen-fd", "77", "--provider-fd", "78"], capture_output=True, text=True, timeout=10)
    assert (done.returncode, done.stderr) == (1, "safexecd: --listen-fd 77: not a socket.\n")


def test_root_has_to_become_another_and_others_cannot():
    ids = [] if os.geteuid() == 0 else ["--uid", "65532", "--gid", "65532"]
    pair = socket.socketpair()
    listener = socket.create_server(("127.0.0.1", 0))
    done = subprocess.run([PROGRAM, "--listen-fd", str(listener.fileno()), "--provider-fd", str(pair[0].fileno()), *ids],
                          pass_fds=(listener.fileno(), pair[0].fileno()), capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and done.stderr.startswith("safexecd: Cannot confine the front (")


def test_help_names_every_option():
    done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0 and "--provider-fd" in done.stdout and "memory_bytes" in done.stdout
