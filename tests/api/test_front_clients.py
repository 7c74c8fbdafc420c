# SPDX-License-Identifier: Apache-2.0
"""The front alone: its queue, connections that stay, leave or are many, and who may ask."""
import json
import threading
import time

import pytest
import requests
from front import check_failure, check_leaving_cancels, exchange, hold, let_go, raw_request, read_reply


# --- the queue ------------------------------------------------------------------------------------------------------

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
    check_leaving_cancels(front, is_reset)


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

    check_leaving_cancels(front, True)
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
