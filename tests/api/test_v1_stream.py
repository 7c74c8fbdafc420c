# SPDX-License-Identifier: Apache-2.0
"""POST /v1/runs as a stream, through a real server: events as they happen, and a client that leaves."""
import time

import harness
import pytest
import v1

FORMS = ["application/x-ndjson", "text/event-stream"]
SLOW = "import time\nfor n in range(3):\n    print(n, flush=True)\n    time.sleep(0.3)"


@pytest.mark.parametrize("accept", FORMS)
def test_events_come_as_they_happen(server, accept):
    told = []
    with v1.stream(server, SLOW, accept) as events:
        began = time.monotonic()
        told = [(event, time.monotonic() - began) for event in events]
    kinds = [event["event"] for event, _ in told]
    assert kinds == ["start", "stdout", "stdout", "stdout", "verdict"]
    assert [event["data"] for event, _ in told[1:4]] == ["0\n", "1\n", "2\n"]
    assert told[1][1] < 0.25 and told[3][1] - told[1][1] > 0.5
    verdict = told[-1][0]
    assert (verdict["verdict"], verdict["exit_code"], verdict["usage"]["output_bytes"]) == ("ok", 0, 6)
    assert verdict["id"] == told[0][0]["id"]
    assert not {"stdout", "stderr", "output", "displays"} & set(verdict)


def test_what_is_printed_comes_at_once_where_that_is_asked_for(server):
    code = "import sys, time\nprint('.', end='')\nprint('!', end='', file=sys.stderr)\nwhile True: time.sleep(1)"
    with v1.stream(server, code, env={"PYTHONUNBUFFERED": "1"}) as events:
        told = [next(events) for _ in range(3)]  # before its end
    assert [event["event"] for event in told] == ["start", "stdout", "stderr"] and [event["data"] for event in told[1:]] == [".", "!"]


def test_a_silent_program_starts_at_once(server):
    with v1.stream(server, "import time; time.sleep(0.6)") as events:
        began = time.monotonic()
        assert next(events)["event"] == "start" and time.monotonic() - began < 0.4
        assert next(events)["event"] == "verdict"


@pytest.mark.parametrize("accept", FORMS)
def test_a_failure_ends_with_its_verdict_and_error(server, accept):
    with v1.stream(server, "import sys; print('out'); print('err', file=sys.stderr); 1/0", accept) as events:
        told = list(events)
    assert "".join(e["data"] for e in told if e["event"] == "stdout") == "out\n"
    assert "".join(e["data"] for e in told if e["event"] == "stderr").startswith("err\nTraceback")
    assert told[-1]["verdict"] == "error" and told[-1]["error"]["type"] == "ZeroDivisionError"


def test_a_large_output_comes_whole_and_in_order(server):
    code = "import sys\nfor n in range(100000): sys.stdout.write('%07dé\\n' % n)"
    with v1.stream(server, code, limits={"output_bytes": 2 << 20}) as events:
        told = list(events)
    assert "".join(e["data"] for e in told if e["event"] == "stdout") == "".join("%07dé\n" % n for n in range(100000))
    assert told[-1]["verdict"] == "ok"


def test_an_output_limit_ends_a_stream(server):
    with v1.stream(server, "while True: print('x' * 1000)", limits={"output_bytes": 10000}) as events:
        told = list(events)
    assert sum(len(e["data"]) for e in told if e["event"] == "stdout") == 10000
    assert (told[-1]["verdict"], told[-1]["stdout_truncated"]) == ("output", True)


def test_what_is_refused_is_refused_before_the_stream(server):
    for accept in FORMS:
        response = v1.post(server, {"code": "", "limits": {"wall_ms": 1}}, accept=accept)
        assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.parametrize("accept, want", [
    ("*/*", "application/json"), ("text/html, application/x-ndjson;q=0.9", "application/x-ndjson"), ("TEXT/EVENT-STREAM", "text/event-stream"),
    ("application/json, text/event-stream", "application/json"), ("text/event-stream, application/json", "text/event-stream"), ("text/plain", "application/json"),
    (",;, ;text/event-stream", "application/json"), ("", "application/json")])
def test_the_form_is_the_first_that_the_client_takes(server, accept, want):
    assert v1.post(server, {"code": ""}, accept=accept).headers["content-type"] == want


def busy(server):
    return [p for p in server.processes() if p.comm == "busy-with-nothi"]


@pytest.mark.parametrize("accept", [*FORMS, "application/json"])
def test_a_client_that_leaves_ends_its_run_within_100_ms(server, accept):
    """Measured from the close to the death of the guest's process, as the kernel has it."""
    code = "import ctypes; ctypes.CDLL(None).prctl(15, b'busy-with-nothi')\nprint(1, flush=True)\nwhile True: pass"
    took = []
    for _ in range(3):
        with harness.leaving(server, {"code": code}, accept) as leave:
            guest = harness.wait_until(lambda: busy(server), 10, "the guest runs")[0]
            began = time.monotonic()
            leave()
        harness.wait_until(lambda: not guest.is_alive(), 5, "the guest is dead")
        took.append(time.monotonic() - began)
    assert min(took) < 0.1, took
