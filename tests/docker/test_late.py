# SPDX-License-Identifier: Apache-2.0
"""A provider that gets no CPU just when a program ends, and comes to look when the Engine has removed what the kernel counted: it is stopped
for that time. What it says of the run then is what it says on an idle machine."""

import os
import pathlib
import signal

import harness
import pytest
import test_containers as containers
import v1

# The folder of a read-only run is bound from the host in both profiles: the program acts when the test says so.
WHEN_TOLD = "import os, signal, subprocess, sys, time\nwhile not os.path.exists('/app/go'): time.sleep(0.05)\n"
FORKS = WHEN_TOLD + "while True:\n    if os.fork() == 0: signal.pause()\n"
CHILD = WHEN_TOLD + "subprocess.run([sys.executable, '-c', 'x = bytes(1) * 10**9'], check=True)\n"

CASES = [
    ("forks", FORKS, ("pids", "Process limit of 64 reached.", 1, None)),
    ("memory", WHEN_TOLD + "'a' * 10**9", ("memory", "Memory limit of 128 MB exceeded.", None, 9)),
    ("memory of a child", CHILD, ("memory", "Memory limit of 128 MB exceeded.", 1, None)),
    ("an exit status", WHEN_TOLD + "os._exit(130)", ("error", "Exited with status 130.", 130, None)),
]


def program_has_gone(container):
    return not [p for p in containers.descendants_of(container) if "script.py" in p.cmdline]


def counters_have_gone(container):
    return program_has_gone(container) and not harness.cgroups_of(container["Id"])


@pytest.mark.parametrize("code, wanted", [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_what_happened_is_known_to_a_provider_that_comes_late(engine, docker, profile, code, wanted):
    harness.wait_until(lambda: not containers.running(engine, docker), 20, "no run of an earlier test is left")
    with v1.stream(docker, code, read_only=True, limits={"wall_ms": 30000}) as events:
        assert next(e["event"] for e in events if e["event"] != "heartbeat") == "start"
        [container] = harness.wait_until(lambda: containers.running(engine, docker), 10, "the program runs")
        folder = container["HostConfig"]["Binds"][0].partition(":")[0]
        [provider] = docker.find("safexec-docker")
        os.kill(provider.pid, signal.SIGSTOP)
        try:
            pathlib.Path(folder, "go").touch()
            # Hardened containers keep their process 1, and so what was counted, until the provider has seen it.
            has_ended = counters_have_gone if profile == "original" else program_has_gone
            harness.wait_until(lambda: has_ended(container), 20, "the program has ended")
        finally:
            os.kill(provider.pid, signal.SIGCONT)
        answer = list(events)[-1]
    assert tuple(answer[key] for key in ("verdict", "message", "exit_code", "signal")) == wanted, answer
