# SPDX-License-Identifier: Apache-2.0
"""The clock of the machine set back and forth for real, while programs, jobs, limits, a key's rate and callbacks are under way. Only the
virtual machine's: nothing else lives there."""

import contextlib
import http.server
import json
import pathlib
import threading
import time
import urllib.error
import urllib.request

from machine import ANSWER_S, SAFEXEC, SLOW, Server, call, wait_until

FORTH_S, BACK_S = 2400, -86400
STATE = "/run/clock-state"


class Receiver(http.server.BaseHTTPRequestHandler):
    """Of callbacks: refuses the first, so that the second has to wait for a time of day."""

    seen = []

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(self.headers["Safexec-Job"])
        self.send_response(200 if len(self.seen) > 1 else 500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def moved_clock():
    """Yields what moves the clock by so many seconds; afterwards it is right again."""
    offset = time.time() - time.monotonic()
    try:
        yield lambda seconds: time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)
    finally:
        time.clock_settime(time.CLOCK_REALTIME, time.monotonic() + offset)


def add_key(name, *options):
    return call(SAFEXEC, "keys", "--state", STATE, "add", name, *options).split()[-1]


def send(server, key, path, body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", json.dumps(body).encode() if body else None)
    request.add_header("Authorization", f"Bearer {key}")
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=(10 + ANSWER_S) * SLOW) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as reply:
        return reply.code, json.loads(reply.read())


def run_until(stop, server, key, wrong):
    """Runs whose every answer is known: one ends in time, one never does."""
    kinds = [({"code": "import time; time.sleep(.3); print(1)"}, ("ok", "1\n")),
             ({"code": "while True: pass", "limits": {"wall_ms": 500}}, ("timeout", ""))]
    while not stop.is_set():
        for body, want in kinds:
            status, answer = send(server, key, "/v1/runs", body)
            if (status, answer.get("verdict"), answer.get("stdout")) != (200, *want):
                wrong.append((status, answer))


def check_rate(server, key, begun):
    """It is of the time that goes by: one a minute."""
    assert send(server, key, "/v1/runs", {"code": "1"})[0] == 429 or time.monotonic() - begun > 50


def get_state(server, key, job):
    return send(server, key, f"/v1/jobs/{job}")[1]


def check_clock():
    pathlib.Path(STATE).mkdir()
    key, slow = add_key("fast", "--scopes", "run,jobs"), add_key("slow", "--rate", "1", "--burst", "2")
    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    server = Server(options=("--slots", "2", "--state", STATE, "--require-key", "yes", "--callback-allow", "127.0.0.1"))
    wait_until(lambda: send(server, key, "/v1/jobs")[0] == 200, 20, "the store")
    stop, wrong = threading.Event(), []
    load = threading.Thread(target=run_until, args=(stop, server, key, wrong))
    with moved_clock() as move:
        load.start()
        job = {"code": "print(2)", "callback_url": f"http://127.0.0.1:{receiver.server_port}/"}
        first = send(server, key, "/v1/jobs", job)[1]["id"]
        begun = time.monotonic()
        assert [send(server, slow, "/v1/runs", {"code": "1"})[0] for _ in range(3)] == [200, 200, 429]
        wait_until(lambda: Receiver.seen == [first], 20, "the first attempt of a callback")
        move(BACK_S)
        check_rate(server, slow, begun)
        wait_until(lambda: get_state(server, key, first)["callback"] == "delivered", 20, "the second attempt, before its time of day")
        last = send(server, key, "/v1/jobs", job)[1]["id"]
        move(FORTH_S - BACK_S)
        check_rate(server, slow, begun)
        wait_until(lambda: get_state(server, key, last)["callback"] == "delivered", 20, "a job across a jump")
        for _ in range(5):
            move(-FORTH_S)
            move(FORTH_S)
        stop.set()
        load.join()
    assert wrong == [], wrong[:3]
    assert [get_state(server, key, j)["verdict"] for j in (first, last)] == ["ok", "ok"]
    server.stop()
    receiver.shutdown()
