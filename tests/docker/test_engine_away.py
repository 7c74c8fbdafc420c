# SPDX-License-Identifier: Apache-2.0
"""The Engine is stopped under load, and comes back: no wrong verdict is given, the server says what is missing, works again by itself
and leaves no container."""

import os
import pathlib
import signal
import sys

import harness

sys.path.append(str(pathlib.Path(harness.ROOT, "tests/faults")))
from test_faults import Load  # noqa: E402

SLOTS = 3
BACK_S = 60


def test_an_engine_that_goes_and_comes_back_costs_no_more_than_the_time(engine, start_docker):
    server = start_docker("--slots", str(SLOTS), "--queue-ms", "1000")
    with Load(server, 3) as load:
        load.wait_good(30, harness.time.monotonic())
        before = len(server.log())
        os.kill(engine.process.pid, signal.SIGTERM)
        engine.process.wait(30)
        # The server goes on, and says it to who asks and in its log.
        def refusal():
            response = server.post({"code": "print(1)"})
            return response.json() if response.status_code == 503 else None

        assert "no cell became free" in harness.wait_until(refusal, 20, "a refusal")["error"]
        harness.wait_until(lambda: "Engine" in server.log()[before:], 20, "a word in the log")
        assert server.process.poll() is None and server.find("safexec-docker")
        engine.start()
        load.wait_good(BACK_S, harness.time.monotonic())
    assert load.wrong == []
    harness.wait_until(lambda: len(engine.containers(server.name)) == SLOTS, 30, "what is there waits for programs")
    assert all(c["State"]["Running"] for c in engine.containers(server.name))
    server.stop()
    assert engine.containers(server.name) == []
