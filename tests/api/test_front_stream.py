# SPDX-License-Identifier: Apache-2.0
"""The front alone: streamed answers, and clients that read them slowly, badly or not at all."""
import json
import socket
import struct
import time

import openapi
import pytest
import requests
from front import MIB, drain, hold, let_go, raw_request, read_reply, wait_for_event

FORMS = ["application/x-ndjson", "text/event-stream"]


@pytest.fixture(scope="module")
def streaming():
    from front import Front

    front = Front("--queue", "2", "--queue-ms", "400", "--heartbeat-ms", "100", "--reply-ms", "1500", "--limit", "output_bytes=16M")
    yield front
    code, rest = front.close()
    assert code in (0, 1) and "Sanitizer" not in rest, rest


def ask(front, code, accept=FORMS[0], **more):
    return requests.post(front.url("/v1/runs"), json={"code": code, "displays": False}, headers={"Accept": accept}, timeout=30, **more)


def events(response):
    return openapi.events(response.text, response.headers["content-type"])


def send(front, code, accept=FORMS[0], version="1.1"):
    """A client that has asked and reads nothing yet."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect(("127.0.0.1", front.port))
    client.sendall(raw_request(json.dumps({"code": code, "displays": False}).encode(), head=b"POST /v1/runs HTTP/%s\r\n" % version.encode(),
                               headers=f"Content-Type: application/json\r\nAccept: {accept}\r\n".encode()))
    return client


def resident_bytes(front):
    with open(f"/proc/{front.process.pid}/statm") as f:
        return int(f.read().split()[1]) * 4096


def is_sanitized(front):
    with open(f"/proc/{front.process.pid}/maps") as f:
        return "libasan" in f.read()


@pytest.mark.parametrize("accept", FORMS)
def test_heart_beats_fill_the_silence(streaming, accept):
    streaming.provider.release.clear()
    drain(streaming.provider.events)
    response = ask(streaming, "hold:x", accept, stream=True)
    lines = response.iter_lines()
    beat = b'{"event": "heartbeat"}' if accept == FORMS[0] else b": heart-beat"
    began = time.monotonic()
    found = [line for line in (next(lines) for _ in range(12)) if line == beat]
    streaming.provider.release.set()
    rest = b"\n".join(lines)
    assert len(found) >= 3 and time.monotonic() - began > 0.25
    assert b'"verdict": "ok"' in rest


def test_a_run_that_waits_beats_too_and_is_told_when_it_waited_too_long(streaming):
    _, threads = hold(streaming, 2)
    told = events(ask(streaming, "ok:1"))
    let_go(streaming, threads)
    assert {e["event"] for e in told[:-1]} == {"heartbeat"}
    assert (told[-1]["event"], told[-1]["code"], told[-1]["status"], told[-1]["retryable"]) == ("problem", "queue_timeout", 503, "never_ran")


@pytest.mark.parametrize("code, retryable", [("die:", "may_have_run"), ("garbage:", "may_have_run"), ("badverdict:", "may_have_run")])
def test_a_fault_of_ours_is_the_last_event(streaming, code, retryable):
    told = events(ask(streaming, code))
    assert (told[-1]["event"], told[-1]["retryable"], told[-1]["status"]) == ("problem", retryable, 500)


@pytest.mark.parametrize("pieces, want", [
    ([b"\xc3", b"\xa9"], "é"), ([b"a\xe2", b"\x82", b"\xac"], "a€"), ([b"\xf0\x9f", b"\x98\x80x"], "😀x"), ([b"\xe2\x82"], "\ufffd"),
    ([b"\xe2", b"x"], "\ufffdx"), ([b"\xc3", b"\xc3", b"\xa9"], "\ufffdé"), ([b"\xff", b"\x80"], "\ufffd\ufffd"), ([b"\xf4", b"\x90\x80\x80"], "\ufffd" * 4),
])
def test_characters_come_whole_whatever_the_pieces(streaming, pieces, want):
    told = events(ask(streaming, "pieces:" + ",".join(piece.hex() for piece in pieces)))
    data = [e["data"] for e in told if e["event"] == "stdout"]
    assert "".join(data) == want and told[-1]["event"] == "verdict"


def test_http_1_0_gets_its_stream_until_the_connection_ends(streaming):
    with send(streaming, "ok:1", version="1.0") as client:
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert [e["event"] for e in openapi.events(body.decode(), FORMS[0]) if e["event"] != "heartbeat"] == ["start", "stdout", "verdict"]


def test_a_connection_goes_on_after_a_stream(streaming):
    with requests.Session() as session:
        for number in range(5):
            response = session.post(streaming.url("/v1/runs"), json={"code": f"ok:{number}", "displays": False}, headers={"Accept": FORMS[number % 2]}, timeout=10)
            assert events(response)[-1]["verdict"] == "ok"


@pytest.mark.parametrize("is_reset", [False, True])
@pytest.mark.parametrize("accept", FORMS)
def test_a_client_that_leaves_a_stream_cancels_its_run_at_once(streaming, accept, is_reset):
    drain(streaming.provider.events)
    client = send(streaming, "wait:x", accept)
    wait_for_event(streaming, "waiting")
    time.sleep(0.25)  # two heart-beats: the connection has been asleep and awake
    if is_reset:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    left_at = time.monotonic()
    client.close()
    _, _, closed_at = wait_for_event(streaming, "closed")
    assert closed_at - left_at < 0.1


def test_a_client_that_reads_nothing_holds_its_program_and_costs_little(streaming):
    """16 MiB want to come: the pipe fills, the front holds a bounded part, and the client is cut off."""
    drain(streaming.provider.events)
    before = resident_bytes(streaming)
    client = send(streaming, f"out:{16 * MIB}")
    time.sleep(1)
    if not is_sanitized(streaming):  # AddressSanitizer keeps what was freed for a while
        assert resident_bytes(streaming) - before < 6 * MIB
    assert streaming.provider.events.empty(), "the program was not held"
    what, _ = streaming.provider.events.get(timeout=10)  # its write fails when the front lets the cell go
    assert what == "flooded"
    client.close()


def test_a_client_that_reads_late_gets_everything(streaming):
    client = send(streaming, f"out:{4 * MIB}")
    time.sleep(0.7)
    answer = b""
    while b'"event": "verdict"' not in answer[-4000:] or not answer.endswith(b"0\r\n\r\n"):
        got = client.recv(1 << 20)
        assert got, "cut off"
        answer += got
    client.close()
    assert answer.count(b"x") >= 4 * MIB


def test_a_stream_does_not_spin_while_nothing_comes(streaming):
    def ticks():
        with open(f"/proc/{streaming.process.pid}/stat") as f:
            return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))

    clients = [send(streaming, f"wait:{n}") for n in range(2)]
    time.sleep(0.3)
    before = ticks()
    time.sleep(0.7)
    assert ticks() - before <= 5
    for client in clients:
        client.close()


def test_sigterm_lets_a_stream_end(own):
    front = own("--heartbeat-ms", "50")
    _ = front.provider.release.clear()
    client = send(front, "hold:late")
    wait_for_event(front, "holding")
    front.process.terminate()
    time.sleep(0.2)
    front.provider.release.set()
    file = client.makefile("rb")
    status, headers, _ = read_reply(file, has_body=False)
    rest = file.read()
    assert status == 200 and b'"late"' in rest and b'"verdict": "ok"' in rest
    assert front.process.wait(10) == 0
