# SPDX-License-Identifier: Apache-2.0
"""The front alone: abuse of HTTP."""
import contextlib
import json
import socket
import threading
import time

import pytest
import requests
from front import MIB, check_failure, exchange, raw_request, read_reply


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


def test_a_long_chunked_body_under_v1_is_a_problem(own):
    with own().connect() as client:
        client.sendall(raw_request(head=b"POST /v1/runs HTTP/1.1\r\n", length=False, headers=b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"))
        with contextlib.suppress(OSError):  # it stops reading when it has seen enough
            for _ in range(12):
                client.sendall(b"100000\r\n" + b" " * (1 << 20) + b"\r\n")
        status, headers, body = read_reply(client.makefile("rb"))
    assert (status, headers["content-type"], json.loads(body)["code"]) == (413, "application/problem+json", "body_too_long")


def test_bodies_share_a_bounded_room(own):
    front = own("--bodies-bytes", "3000000")
    head = b"POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    with front.connect() as slow, front.connect() as second:
        slow.sendall(head % 2000000 + b"{")
        time.sleep(0.1)
        second.sendall(head % 2000000 + b"{")
        status, headers, body = read_reply(second.makefile("rb"))
        assert (status, headers["retry-after"], json.loads(body)["code"]) == (503, "1", "too_many_bodies")
        assert json.loads(body)["retryable"] == "never_ran"
        assert front.run("ok:small").json()["output"] == "small"
    time.sleep(0.1)
    with front.connect() as third:  # the first has left, and with it its claim
        third.sendall(head % 2000000 + b'{"code": "ok:1"}'.ljust(2000000))
        assert read_reply(third.makefile("rb"))[0] == 200
    with front.connect() as chunked:
        chunked.sendall(raw_request(head=b"POST /v1/runs HTTP/1.1\r\n", length=False, headers=b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"))
        chunked.sendall(b"2dc6c1\r\n" + b" " * 3000001 + b"\r\n0\r\n\r\n")
        assert read_reply(chunked.makefile("rb"))[0] == 503
    assert front.run("ok:last").json()["output"] == "last"
