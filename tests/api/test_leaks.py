# SPDX-License-Identifier: Apache-2.0
"""500 runs of all kinds leave as many processes, descriptors, mounts, cgroups and files as there were before."""

import concurrent.futures
import contextlib
import http.client
import json
import re

import harness
import pytest

RUNS, AT_ONCE, SETTLE_S = 500, 4, 15
GROWTH_KIB = 3072  # of one process' own memory, over all runs

KINDS = [
    "print(2+2)",
    "raise SystemExit(3)",
    "1/0",
    "import os; os.kill(os.getpid(), 9)",
    "import os, subprocess; subprocess.Popen(['sleep', '100'], start_new_session=True)",
    "import os\nfor d in ('/app', '/tmp', '/dev/shm'): open(d + '/left', 'w').write('x' * 100000)",
    "import socket; socket.create_server(('127.0.0.1', 80 + 8000))",
    "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()",
    "import os\nwhile True: os.write(1, b'x' * 65536)",
    "import multiprocessing as m; print(m.Pool(2).map(abs, [-1]))",
]


def look(server):
    """What could grow. Numbers of processes change from cell to cell, so they are told by name."""
    processes = [p for p in server.processes() if p.state != "Z"]
    return {
        "processes": sorted(p.comm for p in processes),
        "zombies": [p for p in server.processes() if p.state == "Z"],
        "descriptors": sorted((p.comm, len(p.descriptors())) for p in processes),
        "mounts of the host": len(harness.read_text("/proc/self/mountinfo").splitlines()),
        "mounts of each": sorted((p.comm, len(harness.read_text(f"/proc/{p.pid}/mountinfo").splitlines())) for p in processes),
        "cgroups": sorted(harness.cgroups_of(server.name)),
        "files": harness.files_of(server.name),
    }


def own_memory(server):
    """KiB of the processes that live as long as the server."""
    found = {}
    for name in ("safexec", "safexec-warden", "safexecd"):
        for process in server.find(name):
            if process.comm == name[:15] and process.parent in (server.pid, server.process.pid) or process.pid == server.pid:
                found[name] = int(re.search(r"RssAnon:\s+(\d+)", harness.read_text(f"/proc/{process.pid}/status"))[1])
    return found


def settle(server):
    """Two looks in a row that agree: all cells are refilled."""
    seen = [None]

    def is_quiet():
        seen.append(look(server))
        return seen[-1] == seen[-2] and seen[-1]

    return harness.wait_until(is_quiet, SETTLE_S, "the server has come to rest")


def run_one(server, i):
    kind = i % (len(KINDS) + 2)
    if kind < len(KINDS):
        assert server.post({"code": KINDS[kind]}).status_code == 200
    elif kind == len(KINDS):
        assert server.post(b"garbage").status_code == 400
    else:  # a client that goes away
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        with contextlib.closing(connection):
            connection.request("POST", "/run", json.dumps({"code": "import time; time.sleep(5)"}), harness.JSON)


@pytest.fixture(scope="module")
def worked(start_server):
    """A server before and after: it has run each kind once, so that nothing is made for the first time while it is watched."""
    server = start_server("--zygote-max-forks", "100000")
    for i in range(2 * (len(KINDS) + 2)):
        run_one(server, i)
    before, memory = settle(server), own_memory(server)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda i: run_one(server, i), range(RUNS)))
    with contextlib.suppress(AssertionError):  # the comparison tells more
        harness.wait_until(lambda: look(server) == before, SETTLE_S, "as before")
    yield {"before": before, "after": look(server), "memory before": memory, "memory after": own_memory(server)}
    server.stop()


@pytest.mark.parametrize(
    "what", ["processes", "zombies", "descriptors", "mounts of the host", "mounts of each", "cgroups", "files"]
)
def test_runs_leave_as_many(worked, what):
    assert worked["after"][what] == worked["before"][what]


def test_memory_of_the_server_does_not_grow(worked):
    before, after = worked["memory before"], worked["memory after"]
    assert set(before) == set(after) == {"safexec", "safexec-warden", "safexecd"}
    assert {name: after[name] - before[name] for name in after if after[name] - before[name] > GROWTH_KIB} == {}
