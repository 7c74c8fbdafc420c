# SPDX-License-Identifier: Apache-2.0
"""An Engine whose processes the provider cannot see, as from another pid namespace or beside a virtual machine: what the kernel told is then
the Engine's to tell, and what it does not tell is null."""

import os
import pathlib
import signal
import tempfile

import harness
import pytest

CPU = "import time\nwhile time.process_time() < 0.5:\n    for _ in range(20000): pass"
FORKS = "import os, signal\nwhile True:\n    if os.fork() == 0: signal.pause()"


@pytest.fixture(scope="module")
def unseeing(engine):
    """A server in a pid namespace of its own. The one that the harness started is unshare(1), which passes no signal on."""
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder, "safexec")
        script.write_text(f'#!/bin/sh\nexec unshare --pid --fork --mount-proc --kill-child {harness.BUILD}/safexec "$@"\n')
        script.chmod(0o755)
        server = harness.Server("--provider", "docker", "--docker-host", engine.host, "--slots", "2", program=script).wait_ready()
        yield server
        [supervisor] = [p for p in server.find("safexec") if p.parent == server.pid]
        os.kill(supervisor.pid, signal.SIGTERM)
        assert server.process.wait(harness.STOP_S) == 0, server.log()
        server.stop()
        assert engine.containers(server.name) == []


def run(server, code, **more):
    response = server.post({"code": code, "displays": False, **more}, path="/v1/runs")
    assert response.status_code == 200, response.text
    return response.json()


def test_usage_is_the_engines(unseeing):
    answer = run(unseeing, CPU)
    usage = answer["usage"]
    assert answer["verdict"] == "ok" and 480 <= usage["cpu_user_ms"] + usage["cpu_system_ms"] <= 750, usage
    assert usage["wall_ms"] >= 480 and usage["pids_peak"] is None
    assert not {"cgroup_memory", "cgroup_pids"} & set(answer["isolation"]["layers"]) and "seccomp" in answer["isolation"]["layers"]


def test_usage_of_a_run_that_was_stopped_is_known_too(unseeing):
    answer = run(unseeing, "while True: pass", limits={"wall_ms": 1500})
    usage = answer["usage"]
    assert answer["verdict"] == "timeout" and 300 <= usage["cpu_user_ms"] + usage["cpu_system_ms"] <= 1500, usage


@pytest.mark.parametrize("code, verdict", [("'a' * 10**9", "memory"), (FORKS, "pids"), ("import os; os._exit(137)", "error")],
                         ids=["memory", "pids", "a status"])
def test_the_verdict_is_the_same(unseeing, code, verdict):
    """By the kernel's log, which is the same for all who share a kernel."""
    assert run(unseeing, code)["verdict"] == verdict


def test_a_limit_of_cpu_time_that_could_not_be_kept_is_refused(unseeing):
    response = unseeing.post({"code": "1", "displays": False, "limits": {"cpu_ms": 300}}, path="/v1/runs")
    assert (response.status_code, response.json()["code"]) == (422, "unsupported") and "cannot be seen" in response.json()["detail"]
