# SPDX-License-Identifier: Apache-2.0
"""Each program killed in turn, stopped and starved, under load. No wrong verdict is ever given; each request has an answer, or a
closed connection or a 500 or 503 that says what happened; the service is back; nothing is left. `make faults` kills 50 times."""

import collections
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import tempfile
import threading
import time

import harness
import pytest
import requests

KILLS = int(os.environ.get("FAULT_KILLS", "5"))
BACK_S = float(os.environ.get("FAULT_BACK_S", "3"))  # on a busy machine; SPECIFICATION.md has the figure of a quiet one
PAUSE_S = 0.9  # between kills: a front that starts six times within ten seconds is given up, and a warden takes its front along
LOAD = 4

# Programs and what each must give when it gives a verdict at all: a run knows its own number, so an exchanged answer is seen.
KINDS = [
    lambda n: (f"print({n})", {"success": True, "output": f"{n}\n"}),
    lambda n: (f"print({n}); raise SystemExit(3)", {"success": False, "error": "Exited with status 3.", "output": f"{n}\n"}),
    lambda n: (f"import os; os.write(1, b'{n}'); os._exit(0)", {"success": True, "output": str(n)}),
    lambda n: (f"import time; time.sleep(.05); print({n})", {"success": True, "output": f"{n}\n"}),
    lambda n: (f"print({n}, flush=True); import os; os.kill(os.getpid(), 6)",
               {"success": False, "error": "Killed by signal 6 (SIGABRT).", "output": f"{n}\n"}),
]


class Load:
    """Clients that ask without a pause and judge every answer."""

    def __init__(self, server, count=LOAD):
        self.server, self.stop, self.wrong, self.seen = server, threading.Event(), [], collections.Counter()
        self.number, self.lock, self.good_at = 0, threading.Lock(), time.monotonic()
        self.threads = [threading.Thread(target=self.run, args=(n,), daemon=True) for n in range(count)]

    def run(self, which):
        chance = random.Random(which)
        while not self.stop.is_set():
            with self.lock:
                self.number += 1
                number = self.number
            self.ask(*chance.choice(KINDS)(number))

    def ask(self, code, want):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            connection.request("POST", "/run", json.dumps({"code": code}), harness.JSON)
            response = connection.getresponse()
            status, answer = response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as e:
            self.seen[type(e).__name__] += 1
            if isinstance(e, TimeoutError):
                self.wrong.append(f"no answer within 30 s to {code}")
            time.sleep(0.01)
            return
        finally:
            connection.close()
        self.seen[status] += 1
        if status == 200 and answer == want:
            self.good_at = time.monotonic()
        elif status in (500, 503) and answer["success"] is False and len(answer["error"]) > 20:
            time.sleep(0.01)
        else:
            self.wrong.append(f"{code}: {status} {answer}")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def wait_good(self, seconds, after):
        """Until a run that began after that moment, or about then, was answered right; returns how long it took."""
        harness.wait_until(lambda: self.good_at > after, seconds, f"a right answer again; {dict(self.seen)} {self.server.log()[-3000:]}")
        return self.good_at - after


@pytest.fixture
def fresh(start_server):
    server = start_server("--slots", "4")
    yield server
    server.stop()


def kinds_of(server):
    """One process of each kind that a server is made of, by name; the supervisor is not among them."""
    found = {}
    for process in server.processes():
        if process.pid != server.pid and process.state != "Z":
            found.setdefault(process.comm, process)
    return found


def our_processes(server):
    return sorted(p.comm for p in server.processes() if p.state != "Z")


def ours(server, name):
    """Guests are called python3 as the zygote and its forkers are, but have another id: a guest's end by a signal is its own."""
    base = {p.uid for p in server.find("safexec-nursery")}
    return [p for p in server.find(name) if name != "python3" or p.uid in base]


PROGRAMS = ["safexecd", "safexec-warden", "safexec-nursery", "python3", "safexec-init"]


def test_kill_9_of_each_program_in_turn_under_load_gives_no_wrong_verdict(fresh):
    chance, back = random.Random(1), []
    with Load(fresh) as load:
        for i in range(KILLS):
            name = PROGRAMS[i % len(PROGRAMS)]
            victims = harness.wait_until(lambda: ours(fresh, name), 5, f"there is a {name}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(victims).pid, signal.SIGKILL)
            back.append((load.wait_good(10, time.monotonic() + 0.02), name))
            time.sleep(PAUSE_S)
    print(f"{KILLS} kills; answers {dict(load.seen)}; back after {sorted(back)[len(back) // 2][0]:.2f} s at the median, {max(back)} at most")
    assert load.wrong == []
    assert max(back)[0] < BACK_S, back
    harness.wait_until(lambda: fresh.run("print(1)")["success"], 5, "it works")
    harness.wait_until(lambda: not [p for p in fresh.processes() if p.state == "Z"], 3, "no zombie is left")


@pytest.mark.parametrize("name", ["safexec", "safexecd", "safexec-warden", "safexec-nursery", "python3", "safexec-init", "safexec-store", "safexec-sender"])
def test_a_program_that_is_stopped_and_goes_on_gives_no_wrong_verdict(fresh, name):
    """SIGSTOP is what a debugger, a frozen cgroup or a machine out of memory looks like to the others."""
    with Load(fresh, 2) as load:
        load.wait_good(5, time.monotonic())
        stopped = fresh.find(name)[:1]
        for process in stopped:
            os.kill(process.pid, signal.SIGSTOP)
        time.sleep(1)
        for process in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT)
        load.wait_good(10, time.monotonic() + 0.1)
    assert load.wrong == []


def test_programs_that_stand_still_for_good_cost_nobody_his_answer(start_server):
    """Warden and store are stopped at once: whoever had a run under way, asks for one, or for a job is told so, and when."""
    server = start_server("--slots", "1", "--queue-ms", "1000")
    harness.wait_until(lambda: requests.get(server.url + "/v1/jobs", timeout=10).ok, 20, "the store")
    stopped = [p for name in ("safexec-warden", "safexec-store") for p in server.find(name) if p.parent == server.pid]
    asked = {
        "a run under way": lambda: server.post({"code": "import time; time.sleep(1)"}, timeout=60),
        "a run": lambda: server.post({"code": "print(1)"}, timeout=60),
        "a job": lambda: server.post({"code": "print(1)"}, path="/v1/jobs", timeout=60),
        "jobs": lambda: requests.get(server.url + "/v1/jobs", timeout=60),
    }
    try:
        with concurrent.futures.ThreadPoolExecutor(len(asked)) as pool:
            answers = {"a run under way": pool.submit(asked.pop("a run under way"))}
            harness.wait_until(lambda: "safexec_runs_running 1\n" in requests.get(server.url + "/metrics", timeout=10).text, 10, "it runs")
            for process in stopped:
                os.kill(process.pid, signal.SIGSTOP)
            answers.update({name: pool.submit(ask) for name, ask in asked.items()})
            got = {name: (f.result().status_code, f.result().json()) for name, f in answers.items()}
    finally:
        for process in stopped:
            os.kill(process.pid, signal.SIGCONT)
    assert got["a run under way"][0] == 500 and "may have run" in got["a run under way"][1]["error"], got
    assert got["a run"][0] == 503 and "Nothing ran" in got["a run"][1]["error"], got
    assert [(got[n][0], got[n][1]["code"]) for n in ("a job", "jobs")] == [(503, "jobs_uncertain")] * 2, got
    harness.wait_until(lambda: server.post({"code": "print(1)"}).status_code == 200, 20, "runs again")
    harness.wait_until(lambda: requests.get(server.url + "/v1/jobs", timeout=20).ok, 20, "jobs again")
    server.stop()


STARVED = [
    ("front without descriptors", "safexecd", "ulimit -n 40"),
    ("front without memory", "safexecd", "ulimit -v 40000"),
    ("front that may write no file", "safexecd", "ulimit -f 0"),
    ("store without descriptors", "safexec-store", "ulimit -n 14"),
    ("store without memory", "safexec-store", "ulimit -v 16000"),
    ("warden without descriptors", "safexec-warden", "ulimit -n 60"),
    ("warden without memory", "safexec-warden", "ulimit -v 24000"),
    ("warden without locked memory, files and stack", "safexec-warden", "ulimit -l 0; ulimit -f 0; ulimit -s 256"),
]


@pytest.mark.parametrize("comm, limits", [row[1:] for row in STARVED], ids=[row[0] for row in STARVED])
def test_a_starved_program_gives_no_wrong_verdict(start_server, comm, limits):
    """Less than it needs for its load: what it can it answers, and the rest is told so; or it says at its start that it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        shutil.copy(harness.BUILD / "safexec", folder)
        for name in ("safexecd", "safexec-warden", "safexec-store", "safexec-sender"):
            script = pathlib.Path(folder, name)
            script.write_text(f'#!/bin/bash\n{limits if name == comm else ":"}\nexec -a {name} {harness.BUILD}/{name} "$@"\n')
            script.chmod(0o755)
        server = harness.Server("--slots", "4", "--queue-ms", "3000", program=pathlib.Path(folder, "safexec"))
        try:
            try:
                server.wait_listening()
            except AssertionError:
                assert server.process.wait(20) in (1, 3) and server.log(), "it says why it cannot start"
                return
            with Load(server, 12) as load:
                harness.wait_until(lambda: sum(load.seen.values()) >= 36, 30, "three rounds of answers")
            assert load.wrong == [], load.wrong[:3]
            assert set(load.seen) - {"ConnectionRefusedError"}, "nobody was answered at all"
        finally:
            if server.process.poll() is None:
                server.stop()
            assert harness.traces_of(server.name) == []


def test_without_pids_runs_fail_in_words_and_come_back(fresh):
    """The pids limit of a cgroup around the whole server: what a full machine looks like."""
    root = "/sys/fs/cgroup/pids"
    if not os.path.isdir(root):
        pytest.skip("cgroup version 2: the server makes its own tree")
    folder = f"{root}/{fresh.name}-jail"
    os.mkdir(folder)
    nursery = fresh.find("safexec-nursery")[0]
    home = root + next(line.split(":")[2] for line in open(f"/proc/{nursery.pid}/cgroup") if ":pids:" in line).rstrip()
    try:
        with Load(fresh, 3) as load:
            load.wait_good(5, time.monotonic())
            with open(folder + "/cgroup.procs", "w") as f:
                f.write(str(nursery.pid))
            with open(folder + "/pids.max", "w") as f:
                f.write("1")
            time.sleep(2)
            with open(folder + "/pids.max", "w") as f:
                f.write("max")
            load.wait_good(15, time.monotonic() + 0.1)
        assert load.wrong == []
    finally:
        with open(home + "/cgroup.procs", "w") as back:
            for pid in open(folder + "/cgroup.procs").read().split():
                with contextlib.suppress(OSError):
                    back.write(pid)
                    back.flush()
        for process in fresh.find("safexec-nursery"):  # what was born in there goes with its nursery
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        harness.wait_until(lambda: not open(folder + "/cgroup.procs").read(), 5, "the cgroup is empty")
        os.rmdir(folder)


def test_only_the_monotonic_clock_decides():
    """Somebody who sets the clock, back or forth, changes no limit, queue or deadline: no program of ours asks for the time of day
    but to write it down."""
    allowed = {"src/api", "src/store", "src/cli"}  # time stamps of answers, rows and reports
    found = set()
    for path in (harness.ROOT / "src").glob("**/*.[ch]"):
        text = path.read_text()
        if any(word in text for word in ("CLOCK_REALTIME", "gettimeofday(", " time(NULL)", "(time(NULL)", "timespec_get(")):
            found.add("/".join(path.relative_to(harness.ROOT).parts[:2]))
    assert found <= allowed, found - allowed
