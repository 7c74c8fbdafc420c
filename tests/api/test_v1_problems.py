# SPDX-License-Identifier: Apache-2.0
"""Each problem of the table (src/api/problem.def) can be met, says what the table says, and is what api/openapi.yaml describes: the last
by conftest.py, for every answer that requests gets."""
import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest
import requests
from front import exchange, hold, let_go, raw_request

import harness
import openapi

WAIT_S = 20
ROWS = {code: (int(status), retryable.lower()) for code, status, retryable in re.findall(
    r'^PROBLEM\(\w+, *"(\w+)", *(\d+), *(\w+),', (harness.ROOT / "src/api/problem.def").read_text(), re.M)}


def post(where, body, path="/v1/runs", **headers):
    url = where.url(path) if callable(where.url) else where.url + path
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return requests.post(url, data=data, headers={"Content-Type": "application/json", **headers}, timeout=WAIT_S)


# Of a request. What is sent, and what else about it.
SENT = {
    "bad_json": (b"{", {}),
    "foreign_site": ({"code": ""}, {"Origin": "http://evil.example"}),
    "not_found": ({"code": ""}, {"path": "/v1/nowhere"}),
    "body_too_long": (b" " * (8 << 20) + b"{}", {}),
    "unsupported_media_type": ({"code": ""}, {"Content-Type": "text/plain"}),
    "invalid_field": ({"code": 1}, {}),
    "unknown_field": ({"code": "", "x": 1}, {}),
    "limit_out_of_range": ({"code": "", "limits": {"wall_ms": 1}}, {}),
    "unknown_environment": ({"code": "", "environment": "none-such"}, {}),
    "unknown_provider": ({"code": "", "provider": "none-such"}, {}),
    "unauthorized": ({"code": ""}, {"Authorization": "Bearer nothing"}),
}


# Of a key: what `safexec keys add` is told, and requests, of which the last one meets it.
KEYED = {
    "forbidden": (["--scopes", "run"], [({"code": ""}, "/v1/jobs")]),
    "rate_limited": (["--rate", "1"], [({"code": ""}, "/v1/runs")] * 2),
    "conflict": ([], [({"code": str(n), "idempotency_key": "k"}, "/v1/jobs") for n in range(2)]),
}


# Of the server: with a front before a provider that does as it is told.
def queue_full(own):
    front = own("--queue", "0", slots=1)
    return while_held(front, lambda: post(front, {"code": "ok:1"}))


def queue_timeout(own):
    front = own("--queue", "2", "--queue-ms", "100", slots=1)
    return while_held(front, lambda: post(front, {"code": "ok:1"}))


def while_held(front, ask):
    _, threads = hold(front, 1)
    answer = ask()
    let_go(front, threads)
    return answer


def while_one_waits(own, act):
    """What becomes of a request that waits for a sandbox."""
    front, answers = own(slots=1), []
    _, threads = hold(front, 1)
    waiting = threading.Thread(target=lambda: answers.append(post(front, {"code": "ok:1"})))
    waiting.start()
    harness.wait_until(lambda: "safexec_runs_waiting 1\n" in requests.get(front.url("/metrics"), timeout=WAIT_S).text, WAIT_S, "one that waits")
    act(front)
    waiting.join(WAIT_S)
    let_go(front, threads)
    return answers[0]


def no_sandbox(own):
    return while_one_waits(own, lambda front: front.provider.end_link())


def stopping(own):
    return while_one_waits(own, lambda front: front.process.terminate())


def too_many_bodies(own):
    front = own("--bodies-bytes", "300000")

    def refused():
        """Of two that have no room beside each other the second one is refused: ours, unless it was the faster."""
        with front.connect() as slow:
            slow.sendall(raw_request(head=b"POST /v1/runs HTTP/1.1\r\n", headers=b"Content-Type: application/json\r\nContent-Length: 200000\r\n",
                                     length=False) + b"{")
            time.sleep(0.1)
            answer = post(front, json.dumps({"code": "ok:1"}).encode().ljust(200000))
            return [answer] if answer.status_code == 503 else None  # an answer that is none is false

    return harness.wait_until(refused, WAIT_S, "a body too many")[0]


def with_front(body, path="/v1/runs"):
    return lambda own: post(own(), body, path)


FRONT = {
    "queue_full": queue_full,
    "queue_timeout": queue_timeout,
    "no_sandbox": no_sandbox,
    "stopping": stopping,
    "too_many_bodies": too_many_bodies,
    "unsupported": with_front({"code": "verdict:refused"}),
    "internal": with_front({"code": "verdict:internal"}),
    "internal_may_have_run": with_front({"code": "die:"}),
    "jobs_unavailable": with_front({"code": ""}, "/v1/jobs"),  # it has no store
}


@pytest.fixture(scope="module")
def one_slot(start_server):
    return start_server("--slots", "1")


def check(answer, code):
    status, retryable = ROWS[code]
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["retryable"], problem["type"]) == (status, code, retryable, f"/docs#{code}"), problem
    assert problem["detail"].endswith(".") and problem["request_id"] == answer.headers["X-Request-Id"]
    if status in (429, 503):
        assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("code", SENT)
def test_of_a_request(server, code):
    body, more = SENT[code]
    check(post(server, body, **more), code)


def test_of_a_method(server):
    check(requests.get(server.url + "/v1/runs", timeout=WAIT_S), "method_not_allowed")


def test_of_broken_http(own):
    """No client library would send it."""
    status, headers, body = exchange(own(), raw_request(head=b"POST /v1/runs HTTP/1.1\r\n", length=False,
                                                        headers=b"Content-Type: application/json\r\nContent-Length: 1\r\nContent-Length: 2\r\n"))
    assert (status, headers["content-type"], json.loads(body)["code"]) == (400, "application/problem+json", "bad_http")
    openapi.check(json.loads(body), "Problem")


def add_key(server, name, *options):
    added = subprocess.run([harness.BUILD / "safexec", "keys", "--state", server.state.name, "add", name, *options], capture_output=True, text=True,
                           timeout=WAIT_S)
    assert added.returncode == 0, added.stderr
    return {"Authorization": "Bearer " + added.stdout.strip()}


@pytest.mark.parametrize("code", KEYED)
def test_of_a_key(one_slot, code):
    options, asked = KEYED[code]
    headers = add_key(one_slot, code, *options)
    answers = [post(one_slot, body, path, **headers) for body, path in asked]
    assert all(answer.ok for answer in answers[:-1])
    check(answers[-1], code)


def test_of_a_key_with_a_run_under_way(one_slot):
    headers = add_key(one_slot, "one-at-once", "--concurrency", "1")
    with requests.Session() as session:
        slow = session.post(one_slot.url + "/v1/runs", json={"code": "import time\ntime.sleep(9)"}, stream=True, timeout=WAIT_S,
                            headers={**headers, "Accept": "application/x-ndjson"})
        events = slow.iter_lines()  # to be kept: without it the connection is closed
        assert next(events)
        check(post(one_slot, {"code": ""}, **headers), "too_many_at_once")


@pytest.mark.parametrize("code", FRONT)
def test_of_the_server(own, code):
    check(FRONT[code](own), code)


def test_of_a_store_that_breaks_off(start_server):
    """It stands still, gets a job, and is killed: whether it has stored it is not known. The next one knows."""
    server = start_server("--slots", "1")
    for attempt in range(5):
        body, answers = {"code": "print(1)", "idempotency_key": f"attempt-{attempt}"}, []
        store, = harness.wait_until(lambda: server.find("safexec-store"), WAIT_S, "a store")
        harness.wait_until(lambda: requests.get(server.url + "/v1/jobs", timeout=WAIT_S).ok, WAIT_S, "its answers")
        os.kill(store.pid, signal.SIGSTOP)
        asking = threading.Thread(target=lambda body=body, answers=answers: answers.append(post(server, body, "/v1/jobs")))
        asking.start()
        time.sleep(0.3)  # until it has reached the store; if it has not, the next store gets it, and this is tried again
        with contextlib.suppress(ProcessLookupError):
            os.kill(store.pid, signal.SIGKILL)
        asking.join(WAIT_S)
        if answers[0].status_code == 503:
            break
    check(answers[0], "jobs_uncertain")
    harness.wait_until(lambda: requests.get(server.url + "/v1/jobs", timeout=WAIT_S).ok, WAIT_S, "the next store")
    assert post(server, body, "/v1/jobs").json()["is_new"] is True  # it had not


def test_every_problem_of_the_table_is_met_here():
    here = {"method_not_allowed", "bad_http", "too_many_at_once", "jobs_uncertain", "deadline"}  # the last in test_jobs.py
    assert set(ROWS) == set(SENT) | set(KEYED) | set(FRONT) | here
