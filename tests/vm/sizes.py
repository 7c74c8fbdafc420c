# SPDX-License-Identifier: Apache-2.0
"""What a server takes on cgroup version 2: figures for docs/operations.md, and bounds wide enough for any machine."""

import collections
import contextlib
import http.client
import json
import pathlib
import re
import time

from machine import CGROUPS, SLOW, START_S, Server, call, check, processes, show, wait_until

MIB = 1 << 20
OWN = CGROUPS / "system.slice/sizes.service"
LAUNCHER = ["systemd-run", "-q", "--wait", "--pipe", "--unit=sizes", "-p", "Delegate=yes"]
FEW, MANY = 2, 12  # slots; what the ten more take, divided by ten, is a cell
BOUND = {"base": 6, "science": 24}  # MiB a cell
USES = {"base": "print(1)", "science": "import numpy, matplotlib.pyplot as plt; plt.plot(numpy.arange(9)); plt.savefig('x.png')"}


def ask(server, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30 * SLOW)
    with contextlib.closing(connection):
        connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())


def ready(server, name):
    with contextlib.suppress(OSError, http.client.HTTPException):
        return {e["name"]: e["ready"] for e in ask(server, "GET", "/v1/environments")["environments"]}.get(name, 0)
    return 0


def pss_of(pid):
    return int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1]) * 1024


def role(pid, comm):
    """The zygote is the parent of the guests; both have the name that a guest is to see."""
    if not comm.startswith("safexec"):
        parent = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        return "guest" if pathlib.Path(f"/proc/{parent}/cmdline").read_bytes().startswith(b"python3\0") else "zygote"
    return comm


def measure(name, slots):
    """Bytes by role (PSS), and what the kernel counts for the whole: memory of programs, and its own for them."""
    config = f"[environment {name}]\nslots = {slots}\nidle = {slots}\n" + ("" if name == "base" else "[environment base]\nslots = 1\nidle = 1\n")
    pathlib.Path("/run/sizes.conf").write_text(config)
    server = Server(LAUNCHER, ["--config", "/run/sizes.conf"])
    wait_until(lambda: ready(server, name) == slots, 4 * START_S, f"{slots} cells of {name}")
    time.sleep(1)
    by_role = collections.Counter()
    for pid, comm in processes().items():
        by_role[role(pid, comm)] += pss_of(pid)
    stat = dict(line.split() for line in (OWN / "memory.stat").read_text().splitlines())
    counted = {"programs": int(stat["anon"]) + int(stat["shmem"]), "kernel": int(stat["kernel"])}
    usage = ask(server, "POST", "/v1/runs", {"code": USES[name], "environment": name, "limits": {"wall_ms": 60000}})["usage"]
    server.stop()
    return by_role, counted, usage["memory_peak_bytes"]


def check_environment(name):
    with check(f"sizes: {name}"):
        (few, counted_few, _), (many, counted_many, peak) = measure(name, FEW), measure(name, MANY)
        for who in sorted(few, key=few.get, reverse=True):
            show(f"{who:16} {few[who] / MIB:6.1f} MiB of PSS with {FEW} cells, {many[who] / MIB:6.1f} with {MANY}")
        cell = (sum(many.values()) - sum(few.values())) / (MANY - FEW) / MIB
        programs, kernel = ((counted_many[what] - counted_few[what]) / (MANY - FEW) / MIB for what in ("programs", "kernel"))
        show(f"a cell of {name}: {cell:.2f} MiB of PSS; counted by its cgroup {programs:.2f} MiB, and {kernel:.2f} MiB of the kernel's own")
        show(f"all with {FEW} cells: {sum(few.values()) / MIB:.1f} MiB of PSS; a run of {USES[name]!r}: at most {peak / MIB:.1f} MiB")
        assert cell < BOUND[name] and programs + kernel < BOUND[name]


def check_sizes():
    call("systemctl", "stop", "safexec.service")
    check_environment("base")
