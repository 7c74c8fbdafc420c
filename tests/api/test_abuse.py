# SPDX-License-Identifier: Apache-2.0
"""A real server and clients that mean it ill: whatever they send, keep or leave half done, the front stays below its bound of memory,
and honest requests still pass."""

import contextlib
import os
import pathlib
import random
import re
import shutil
import socket
import tempfile
import threading
import time

import harness
import pytest

FRONT_MIB = 96  # SPECIFICATION.md; of its own memory, with all connections taken by strangers
BODIES_MIB = 256  # besides, all bodies of requests together
HONEST_S = 5  # until an honest request has its answer, however many connections strangers hold
DEADLINES = "--head-ms 1500 --body-ms 1500 --idle-ms 6000 --reply-ms 6000"  # shorter than the usual ones
CUT_OFF_S = 6  # the longest of a request, and some
OK = {"success": True, "output": "4\n"}
HEAD = b"POST /run HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GOOD = b'{"code": "print(2+2)"}'


@pytest.fixture(scope="module")
def target(start_server):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for program in (harness.BUILD / "safexec", harness.BUILD / "safexec-warden"):
            pathlib.Path(folder, program.name).symlink_to(program) if program.name != "safexec" else shutil.copy(program, folder)
        front = pathlib.Path(folder, "safexecd")
        front.write_text(f'#!/bin/sh\nexec {harness.BUILD}/safexecd "$@" {DEADLINES}\n')
        front.chmod(0o755)
        yield from serve(start_server, pathlib.Path(folder, "safexec"))


def serve(start_server, program):
    server = start_server("--slots", "4", program=program)
    yield server
    assert harness.wait_until(lambda: honest(server) < 1, 30, "the server is as quick as before")
    assert "lost" not in server.log() and "SIG" not in server.log(), server.log()


def front_kib(server):
    """Its own memory now and at its worst: RssAnon and VmHWM (which counts its program's pages too)."""
    status = harness.read_text(f"/proc/{server.find('safexecd')[0].pid}/status")
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1]), int(re.search(r"VmHWM:\s+(\d+)", status)[1])


def honest(server):
    begin = time.monotonic()
    assert server.run("print(2+2)", timeout=30) == OK
    return time.monotonic() - begin


def check(server, pid):
    """The same front as before, within its memory, and honest requests pass."""
    seconds = max(honest(server) for _ in range(3))
    assert seconds < HONEST_S, f"an honest request took {seconds:.1f} s"
    assert [p.pid for p in server.find("safexecd")] == [pid], server.log()
    own, most = front_kib(server)
    assert own < FRONT_MIB << 10 and most < FRONT_MIB + BODIES_MIB + 16 << 10, f"the front has {own} KiB, and had {most}"


def connect(server):
    client = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def send(client, data):
    """False when the server has had enough."""
    try:
        client.sendall(data)
        return True
    except OSError:
        return False


@contextlib.contextmanager
def clients(server, count, data=b""):
    """So many connections, each with these bytes sent; as many as the system's backlog takes."""
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(count):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", server.port))
            made.append(client)
        time.sleep(0.05)
        for client in made:
            if data:
                send(client, data)
        yield made


CROWDS = [
    ("idle", 2000, b""),
    ("half a first line", 2000, b"POST /r"),
    ("half a head", 600, HEAD + b"X: "),
    ("a long half of a head", 600, HEAD + b"X: " + b"y" * 12000),
    ("half a body", 600, HEAD + b"Content-Length: 131072\r\n\r\n" + b"x" * 65536),
    ("half a chunk", 600, HEAD + b"Transfer-Encoding: chunked\r\n\r\n1ffff\r\n" + b"x" * 65536),
    ("no host", 600, b"GET / HTTP/1.1\r\n\r\n"),
    ("idle after a request", 600, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
]


@pytest.mark.parametrize("count, data", [row[1:] for row in CROWDS], ids=[row[0] for row in CROWDS])
def test_many_connections_that_do_not_come_on_lock_nobody_out(target, count, data):
    pid = target.find("safexecd")[0].pid
    with clients(target, count, data):
        check(target, pid)
    check(target, pid)


def test_slow_heads_and_slow_bodies_lock_nobody_out(target):
    """Slowloris: a byte now and then, on each of many connections."""
    pid = target.find("safexecd")[0].pid
    slow = HEAD + b"X-Slow: " + b"y" * 1000 + b"\r\n"
    bodies = HEAD + b"Content-Length: 100000\r\n\r\n"
    with clients(target, 250, b"POST /run HTTP/1.1\r\n") as heads, clients(target, 250, bodies) as others:
        deadline = time.monotonic() + 3
        at = 0
        while time.monotonic() < deadline:
            for client in heads:
                send(client, slow[at % len(slow) : at % len(slow) + 1])
            for client in others:
                send(client, b" ")
            at += 1
            if at % 10 == 0:
                check(target, pid)
            time.sleep(0.02)
    check(target, pid)


def test_long_bodies_that_do_not_end_share_a_bound(target):
    """/v1/runs takes bodies of megabytes; on every connection at once they would be gigabytes."""
    pid = target.find("safexecd")[0].pid
    head = b"POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 8388608\r\n\r\n"
    piece, most = b" " * (1 << 20), 0
    with clients(target, 120, head) as made:
        for _ in range(7):
            for client in made:
                client.settimeout(2)
                send(client, piece)
            most = max(most, front_kib(target)[0])
        assert honest(target) < HONEST_S
    print(f"the front had {most >> 10} MiB at most")
    assert most < BODIES_MIB + 24 << 10, f"{most} KiB"
    harness.wait_until(lambda: front_kib(target)[0] < FRONT_MIB << 10, 10, "the memory is given back")
    assert [p.pid for p in target.find("safexecd")] == [pid]


def test_readers_that_do_not_read_lock_nobody_out(target):
    """Each asks for a megabyte of output and reads none of it."""
    pid = target.find("safexecd")[0].pid
    body = b'{"code": "print(\'\\\\x01\' * 1000000)"}'
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", target.port))
            client.sendall(request)
        harness.wait_until(lambda: front_kib(target)[0] and honest(target) < HONEST_S, 20, "an honest request passes")
        check(target, pid)
    check(target, pid)


def test_pipelined_requests_are_bounded(target):
    pid = target.find("safexecd")[0].pid
    one = HEAD + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            client = stack.enter_context(connect(target))
            client.settimeout(0.2)
            with contextlib.suppress(OSError):  # it does not read without end
                for _ in range(2000):
                    client.sendall(one * 20)
        check(target, pid)
    check(target, pid)


ENDLESS = [
    ("100 MB announced", HEAD + b"Content-Length: 104857600\r\n\r\n", b"x" * 65536, 1600),
    ("chunks without end", HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n", 1600),
    ("one chunk without end", HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", b"x" * 65536, 1600),
    ("a chunk extension without end", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;", b"x" * 65536, 400),
    ("trailers without end", HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 4096, 400),
    ("headers without end", HEAD, b"X-Flood: y\r\n" * 4096, 400),
    ("a header without end", HEAD + b"X: ", b"y" * 65536, 400),
    ("a first line without end", b"POST /", b"a" * 65536, 400),
    ("a method without end", b"", b"A" * 65536, 400),
    ("empty lines without end", b"", b"\r\n" * 16384, 400),
    ("NUL without end", b"", b"\0" * 65536, 400),
]


@pytest.mark.parametrize("head, piece, times", [row[1:] for row in ENDLESS], ids=[row[0] for row in ENDLESS])
def test_what_does_not_end_is_cut_off_and_costs_no_memory(target, head, piece, times):
    pid = target.find("safexecd")[0].pid
    before = front_kib(target)[0]
    begin = time.monotonic()
    with connect(target) as client:
        client.settimeout(CUT_OFF_S)
        send(client, head)
        is_cut = not all(send(client, piece) for _ in range(times))
    assert is_cut and time.monotonic() - begin < CUT_OFF_S
    assert front_kib(target)[0] < before + 8 * 1024
    check(target, pid)


CHUNKS = [b"g\r\n", b"-1\r\nx\r\n", b"0x5\r\nhello\r\n", b"5\nhello\n", b" 5\r\nhello\r\n", b"5 \r\nhello\r\n", b"5\r\nhello", b"5\r\nhelloX\r\n",
          b"ffffffffffffffff\r\nx", b"10000000000000000\r\nx", b"5;" + b"e" * 300 + b"\r\nhello\r\n", b"5\r\nhi\r\n0\r\n\r\n", b"\r\n\r\n",
          b"00000000000000000000000000000005\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\nContent-Length: 3\r\nTransfer-Encoding: x\r\n\r\n"]


@pytest.mark.parametrize("chunks", CHUNKS, ids=range(len(CHUNKS)))
def test_chunked_garbage_never_runs_anything(target, chunks):
    pid = target.find("safexecd")[0].pid
    with connect(target) as client:
        send(client, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
        client.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert b'"success": true' not in answer, answer
    check(target, pid)


def test_half_closed_connections_get_their_answer(target):
    """Who has sent all and says so may still read: curl and netcat do that."""
    for close_after in (len(GOOD), 5):
        with connect(target) as client:
            send(client, HEAD + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD[:close_after])
            client.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert close_after < len(GOOD) or b"200 OK" in answer or answer == b"", answer
    assert honest(target) < HONEST_S


def test_clients_that_vanish_at_every_point_of_a_request_leave_nothing(target):
    pid = target.find("safexecd")[0].pid
    whole = HEAD + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD
    descriptors = lambda: len(target.find("safexecd")[0].descriptors())
    honest(target)
    before = descriptors()
    for cut in [*range(0, len(whole), 7), len(whole)]:
        for is_reset in (False, True):
            with connect(target) as client:
                send(client, whole[:cut])
                if is_reset:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    harness.wait_until(lambda: descriptors() <= before + 16, 15, f"as many descriptors as before: {before}, {descriptors()}")
    check(target, pid)


def test_random_bytes_and_broken_requests_hurt_nobody(target):
    """The same garbage each time: seeded."""
    pid = target.find("safexecd")[0].pid
    chance = random.Random(7)
    whole = HEAD + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD
    for _ in range(300):
        data = bytearray(whole if chance.random() < 0.8 else chance.randbytes(200))
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(data))
            data[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        with connect(target) as client:
            send(client, bytes(data))
            client.settimeout(0.02)
            with contextlib.suppress(OSError):
                client.recv(65536)
    check(target, pid)


def test_honest_requests_pass_while_all_of_that_goes_on(target):
    """A few of each kind at once for some seconds; the honest client meets no error."""
    pid = target.find("safexecd")[0].pid
    stop = threading.Event()

    def abuse(data, piece):
        while not stop.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", target.port), timeout=1) as client:
                client.sendall(data)
                for _ in range(10):
                    client.sendall(piece)
                    if stop.wait(0.01):
                        return

    threads = [threading.Thread(target=abuse, args=row[1:3], daemon=True) for row in ENDLESS for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        with clients(target, 400, b"POST /run"):
            deadline, seconds = time.monotonic() + 4, []
            while time.monotonic() < deadline:
                seconds.append(honest(target))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    print(f"{len(seconds)} honest requests, the slowest {max(seconds):.2f} s; the front had {front_kib(target)[1] >> 10} MiB")
    assert max(seconds) < HONEST_S
    check(target, pid)
