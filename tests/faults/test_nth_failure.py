# SPDX-License-Identifier: Apache-2.0
"""Each system call of the warden, of the nursery with its inits, and of the forker with the guests it makes fails once: the first time
that it is made in the life of a run, the second, and so on. Each failure ends in an error or in a run that is confined and limited to the
letter as ever; never in a weaker cell, a leak or a hang. strace(1) makes them fail, so that the programs are those that are used.
`make nth` takes them all; a test run takes NTH_SAMPLE of each program's."""

import collections
import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import textwrap
import time

import harness
import pytest
import requests

SAMPLE = int(os.environ.get("NTH_SAMPLE", "3"))  # 0: all
ONLY = os.environ.get("NTH_CALL", "")  # one call's name
# A cell whose init is not heard is given up after 20 s.
BACK_S = float(os.environ.get("NTH_BACK_S", "25"))
START_S = 45  # a warden whose start hangs (in libseccomp, where an allocation failed) ends itself after 30 s
# What only a test could make fail, what has nothing to give up, and what tells strace itself apart.
EXCEPT = {"close", "exit", "exit_group", "rt_sigreturn", "restart_syscall", "getpid", "gettid", "getuid", "getppid", "munmap", "brk"}
ERRORS = ("ENOMEM", "EIO")

GUEST = "zygote, forker and guest"
CONFINEMENT = "descriptors ids status filtered mounts limits root interfaces names cgroup session environment refused space".split()

# What a run is confined to, and then that it is limited: the answer to it is the same each time, or it is an error of the server.
CHECK = textwrap.dedent(
    """
    import ctypes, json, os, re, resource, signal, socket
    def attempt(f, *arguments):
        try:
            return str(f(*arguments))
        except OSError as e:
            return e.errno
    status = dict(line.rstrip().split(":", 1) for line in open("/proc/self/status"))
    libc = ctypes.CDLL(None, use_errno=True)
    found = {
        "descriptors": [fd for fd in range(256) if attempt(os.get_inheritable, fd) != 9],
        "ids": [*os.getresuid(), *os.getresgid(), *os.getgroups()],
        "filtered": int(status.get("Seccomp_filters", 2)) >= 2,
        "status": [status[k].strip() for k in status if k[:3] == "Cap" or k in ("NoNewPrivs", "Seccomp", "SigIgn", "SigBlk", "SigCgt")],
        "mounts": sorted([*f[3:6], *f[f.index("-") + 1 :][::2]] for f in (re.sub(r",[ug]id=\\d+", "", line).split() for line in open("/proc/self/mountinfo"))),
        "limits": {n: resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n[:7] == "RLIMIT_"},
        "canary": attempt(open, "/run/canary"), "root": sorted(os.listdir("/")), "proc": sorted(n for n in os.listdir("/proc") if n[0] in "12"),
        "interfaces": socket.if_nameindex(), "names": [*os.uname()][1:2], "cgroup": open("/proc/self/cgroup").read(),
        "session": [os.getpid(), os.getppid(), os.getsid(0)], "cwd": os.getcwd(), "environment": dict(os.environ),
        "refused": [libc.unshare(1 << 28), libc.keyctl(0, -3, 0) if hasattr(libc, "keyctl") else -1], "app": os.listdir("/app"),
        "space": (os.statvfs("/app").f_blocks, os.statvfs("/app").f_files), "loopback": attempt(lambda: socket.create_server(("127.0.0.1", 0)).close()),
    }
    del found["limits"]["RLIMIT_CORE"]
    children = 0
    while children < 200:
        try:
            pid = os.fork()
        except OSError:
            break
        if pid == 0:
            signal.pause()
        children += 1
    found["children"] = children
    print(json.dumps(found, sort_keys=True), flush=True)
    x = bytearray(300 << 20)
    """
)


@pytest.fixture(scope="module")
def target(start_server):
    server = start_server("--slots", "1", "--idle", "1", "--queue-ms", "1500")
    yield server
    server.stop()


def warden(server):
    return [next(p for p in server.find("safexec-warden") if p.parent == server.pid)]


def nursery(server):
    return server.find("safexec-nursery")


def forkers(server):
    """The zygote and its forkers: guests are called the same and have another id."""
    base = nursery(server)[0].uid
    return [p for p in server.find("python3") if p.uid == base]


ROLES = {"warden": (warden, ()), "nursery and init": (nursery, ("-f",)), GUEST: (forkers, ("-f",))}


class Tracer:
    """strace on processes of a server, for a while."""

    def __init__(self, processes, options, file):
        self.file = file
        command = ["strace", "-qq", "-o", file, *options]
        self.process = subprocess.Popen(command + [f"--attach={p.pid}" for p in processes], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        harness.wait_until(lambda: self.process.poll() is not None or all(self.holds(p) for p in processes), 10, "strace holds them")

    @staticmethod
    def holds(process):
        status = harness.read_text(f"/proc/{process.pid}/status")
        return not status or "TracerPid:\t0\n" not in status

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)
        return harness.read_text(self.file)


def ask(server, **more):
    """Status and answer to the check; a connection that is closed, as when a front ends with its warden, says as much as a 503."""
    try:
        response = server.post({"code": CHECK, **more}, timeout=30)
    except requests.ConnectionError as e:
        return 503, {"success": False, "error": f"the connection was closed: {e}"}
    return response.status_code, response.json()


def check_answer(answer, want, where):
    """As without a failure, or an error of the server that says so."""
    status, body = answer
    if status in (500, 503):
        assert body["success"] is False and len(body["error"]) > 20, f"{where}: {answer}"
    elif where.startswith(GUEST) and body != want:
        check_own_failure(body, want, where)
    else:
        assert (status, body) == (200, want), f"{where}: a run was confined or limited in another way: {difference(body, want)}"


def check_own_failure(body, want, where):
    """A call of the program itself failed, once it was let go: it says so itself, and it is as confined as ever."""
    assert body["success"] is False, f"{where}: {body}"
    assert body["error"] != "Exited with status 1.", f"{where}: a failure of ours is told as the program's"
    if body["output"]:
        got, right = json.loads(body["output"]), json.loads(want["output"])
        assert got["children"] <= right["children"], where
        wrong = {k: (got[k], right[k]) for k in right if got[k] != right[k] and k in CONFINEMENT}
        assert not wrong, f"{where}: a run was confined or limited in another way: {wrong}"


def difference(body, want):
    try:
        got, right = json.loads(body["output"]), json.loads(want["output"])
        return {k: (got.get(k), right[k]) for k in right if got.get(k) != right[k]} or (body["success"], body.get("error"))
    except (KeyError, ValueError):
        return body


def baseline(server):
    answers = [ask(server) for _ in range(3)]
    status, want = answers[-1]
    assert status == 200 and want["error"].endswith("Memory limit of 128 MB exceeded."), answers
    assert all(answer == answers[0] for answer in answers), [difference(a[1], want) for a in answers]
    return want


def calls_of(server, role, file):
    """(name, n) for each call that the processes of the role make while one run comes and goes."""
    find, options = ROLES[role]
    tracer = Tracer(find(server), options, file)
    for _ in range(2):
        ask(server)
    time.sleep(0.3)
    text = tracer.stop()
    counts = collections.Counter()
    for name in re.findall(r"^(?:\d+ +)?(\w+)\(", text, re.M):
        counts[name] += 1
    kinds = max(1, len(set(re.findall(r"^(\d+) ", text, re.M))) - 1)
    most = {name: min(count, -(-count // kinds) + 3) for name, count in counts.items() if name not in EXCEPT}
    return [(name, n) for name in sorted(most) for n in range(1, most[name] + 1)]


def fail_once(server, role, name, n, error, want, file, where):
    """The n-th call of that name fails in each process of the role while two runs come and go; returns whether one did."""
    find, options = ROLES[role]
    processes = harness.wait_until(lambda: find(server), BACK_S, f"{where}: there is one")
    tracer = Tracer(processes, [*options, "-e", f"trace={name}", "-e", f"inject={name}:error={error}:when={n}"], file)
    try:
        for _ in range(2):
            check_answer(ask(server), want, where)
    finally:
        text = tracer.stop()
    return "INJECTED" in text


def settle(server):
    """As at the beginning: our long-lived processes, their descriptors, mounts and cgroups."""
    ours = [p for p in server.processes() if p.state != "Z"]
    kinds = collections.Counter(p.comm for p in ours)
    descriptors = {p.comm: len(p.descriptors()) for p in ours if p.comm in ("safexec", "safexecd", "safexec-warden") and p.parent in (server.pid, os.getpid())}
    return kinds, descriptors, len(harness.cgroups_of(server.name)), len(harness.mounts_of(server.name))


@pytest.mark.parametrize("role", ROLES)
def test_no_failure_of_a_call_makes_a_weaker_cell_a_leak_or_a_hang(target, role, tmp_path):
    want, file = baseline(target), str(tmp_path / "trace")
    calls = [call for call in calls_of(target, role, file) if ONLY in ("", call[0])]
    assert len(calls) > 20 or ONLY
    chosen = random.Random(3).sample(calls, min(SAMPLE or len(calls), len(calls)))
    before = settle(target)
    failed, wrong = collections.Counter(), []
    for i, (name, n) in enumerate(chosen):
        where = f"{role}: {name} number {n} failed with {ERRORS[i % 2]}"
        try:
            failed[name] += fail_once(target, role, name, n, ERRORS[i % 2], want, file, where)
        except AssertionError as e:
            wrong.append(str(e).split("\n")[0])  # and all others are still tried
        answer = harness.wait_until(lambda: (a := ask(target))[0] == 200 and a, BACK_S, f"{where}: it works again; {target.log()[-1500:]}")
        check_answer(answer, want, where)
        if SAMPLE == 0 and i % 25 == 24:
            harness.wait_until(lambda: settle(target) == before, 10, f"{where}: as before: {before}, {settle(target)}")
    assert wrong == []
    harness.wait_until(lambda: settle(target) == before, 10, f"as before: {before}, {settle(target)}")
    harness.wait_until(lambda: not [p for p in target.processes() if p.state == "Z"], 3, "no zombie is left")
    print(f"{role}: {sum(failed.values())} failures of {len(+failed)} calls, of {len(calls)} places: {' '.join(sorted(+failed))}")


@pytest.fixture(scope="module")
def failing_malloc(tmp_path_factory):
    library = tmp_path_factory.mktemp("failing") / "failing_malloc.so"
    source = harness.ROOT / "tests/faults/failing_malloc.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return library


def start_with(folder, comm, library, number):
    """A server one of whose programs has its number-th allocation fail."""
    shutil.copy(harness.BUILD / "safexec", folder)
    for name in ("safexecd", "safexec-warden"):
        script = folder / name
        preload = f"export LD_PRELOAD={library} FAIL_ALLOCATION={number}" if name == comm else ":"
        script.write_text(f'#!/bin/bash\n{preload}\nexec -a {name} {harness.BUILD}/{name} "$@"\n')
        script.chmod(0o755)
    folder.chmod(0o755)
    return harness.Server("--slots", "1", "--queue-ms", "1500", program=folder / "safexec")


LAST_ALLOCATION = {"safexec-warden": 3000, "safexecd": 1200}  # of a start and three runs, and some


@pytest.mark.parametrize("comm", LAST_ALLOCATION)
def test_no_failure_of_an_allocation_makes_a_weaker_cell_a_leak_or_a_hang(target, failing_malloc, tmp_path, comm, monkeypatch):
    monkeypatch.setattr(harness, "START_S", START_S)
    want = baseline(target)
    numbers = range(1, LAST_ALLOCATION[comm], 7) if SAMPLE == 0 else random.Random(5).sample(range(1, LAST_ALLOCATION[comm]), SAMPLE)
    failed = ended = 0
    for number in numbers:
        where = f"{comm}: allocation {number}"
        server = start_with(tmp_path, comm, failing_malloc, number)
        try:
            server.wait_listening()
        except AssertionError:
            assert server.process.wait(30) in (1, 3) and len(server.log()) > 20, f"{where}: {server.log()}"
            ended += 1
        else:
            for _ in range(3):
                with contextlib.suppress(requests.ConnectionError):
                    check_answer(ask(server), want, where)
        finally:
            failed += "failing_malloc: now" in server.log()
            if server.process.poll() is None:
                server.stop()
            harness.wait_until(lambda: not harness.traces_of(server.name), 5, f"{where}: nothing is left")
    print(f"{comm}: {failed} of {len(numbers)} allocations failed, {ended} of them ended the start")
