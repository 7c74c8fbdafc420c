#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long print(2+2) takes by each way: the docker command line, the Docker provider in both profiles, with containers ready and
without, and the native provider; all in turn, on an Engine of its own.

Usage: docker.py [ROUNDS]; takes root and Debian's docker.io.
"""

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import docker_engine  # noqa: E402
import harness  # noqa: E402

CODE = "print(2+2)"
FLAGS = ["--rm", "--network", "none", "--memory", "128m", "--cpus", "0.5", "--pids-limit", "64"]


def run_by_hand(engine, folder):
    command = ["docker", "--host", engine.host, "run", *FLAGS, "-v", f"{folder}:/app", "-w", "/app", docker_engine.IMAGE, "python",
               "script.py"]
    assert subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout == b"4\n"


def wait_for_pool(engine, server, slots):
    """All containers are there, so that none of their making falls into what is measured."""
    harness.wait_until(lambda: len(engine.containers(server.name)) == slots, 60, "the pool is full")
    time.sleep(0.5)


def time_of(run):
    begin = time.perf_counter()
    run()
    return (time.perf_counter() - begin) * 1000


def twice(server):
    """The second of two runs right after each other finds the one slot empty: its container is made while it waits."""
    server.run(CODE)
    return time_of(lambda: server.run(CODE))


def measure(engine, folder, rounds):
    options = ("--provider", "docker", "--docker-host", engine.host)
    servers = {
        "original, ready": harness.Server(*options, "--profile", "original", "--slots", "2").wait_ready(),
        "hardened, ready": harness.Server(*options, "--profile", "hardened", "--slots", "2").wait_ready(),
        "original, no pool": harness.Server(*options, "--profile", "original", "--slots", "1").wait_ready(),
        "hardened, no pool": harness.Server(*options, "--profile", "hardened", "--slots", "1").wait_ready(),
        "native": harness.Server().wait_ready(),
    }
    times = {name: [] for name in ["docker run", *servers]}
    try:
        for _ in range(rounds):
            times["docker run"].append(time_of(lambda: run_by_hand(engine, folder)))
            for name, server in servers.items():
                if name.endswith("ready"):
                    wait_for_pool(engine, server, 2)
                run_it = lambda: server.run(CODE)  # noqa: E731
                times[name].append(twice(server) if name.endswith("no pool") else time_of(run_it))
    finally:
        for server in servers.values():
            server.stop()
    return times


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    engine = docker_engine.Engine()
    try:
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "script.py").write_text(CODE)
            times = measure(engine, folder, rounds)
    finally:
        engine.stop()
    for name, row in times.items():
        print(f"{name:20} {statistics.median(row):8.1f} ms (median of {rounds}, {min(row):.0f} to {max(row):.0f})")


if __name__ == "__main__":
    main()
