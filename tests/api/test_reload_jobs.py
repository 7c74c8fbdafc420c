# SPDX-License-Identifier: Apache-2.0
"""Reloads of a real server: a new warden, front, store and sender in the place of the old ones, and no run is lost; jobs are accepted and run all
the while, none lost, none run twice; keys hold."""
import os
import pathlib
import signal
import subprocess
import threading
import time

import pytest
import requests

import harness

RELOADS = 3
WAIT_S = 60
BUSY_CODE = "import os, time\ntime.sleep({})\nprint(os.urandom(8).hex())"


@pytest.fixture
def server(start_server):
    return start_server("--slots", "3")


def add_key(server, name):
    added = subprocess.run([harness.BUILD / "safexec", "keys", "--state", server.state.name, "add", name, "--priority-max", "9"], capture_output=True, text=True, timeout=WAIT_S)
    assert added.returncode == 0, added.stderr
    return {"Authorization": "Bearer " + added.stdout.strip()}


class Submitter(threading.Thread):
    """Submits jobs under a key until it is told to stop; each answer is kept, and how long it took to be accepted."""

    def __init__(self, server, headers):
        super().__init__(daemon=True)
        self.server, self.headers = server, headers
        self.accepted, self.refused, self.go_on = [], [], True

    def run(self):
        with requests.Session() as session:
            while self.go_on:
                body = {"code": BUSY_CODE.format(len(self.accepted) % 3 * 0.05)}
                reply = session.post(self.server.url + "/v1/jobs", json=body, headers=self.headers, timeout=WAIT_S)
                if reply.status_code == 202:
                    self.accepted.append(reply.json()["id"])
                else:
                    self.refused.append(reply.text)
                time.sleep(0.08)


class Asker(threading.Thread):
    """Runs programs over one connection after the other, with pauses or without."""

    def __init__(self, server, code="print(1)", pause_s=0.0, times=None):
        super().__init__(daemon=True)
        self.server, self.code, self.pause_s, self.left = server, code, pause_s, times
        self.results, self.go_on = [], True

    def run(self):
        with requests.Session() as session:
            while self.go_on and self.left != 0:
                self.left = self.left and self.left - 1
                try:
                    self.results.append(self.server.run(self.code, session=session))
                except Exception as failure:  # to be seen by the test, not by this thread
                    self.results.append(failure)
                time.sleep(self.pause_s)


def get(server, job, headers):
    reply = requests.get(f"{server.url}/v1/jobs/{job}", headers=headers, timeout=WAIT_S)
    assert reply.status_code == 200, reply.text
    return reply.json()


def wait_state(server, job, headers, *states):
    return harness.wait_until(lambda: (found := get(server, job, headers))["state"] in states and found, WAIT_S, f"{job} {states}")


def submit(server, code, headers, **more):
    reply = requests.post(server.url + "/v1/jobs", json={"code": code, **more}, headers=headers, timeout=WAIT_S)
    assert reply.status_code == 202, reply.text
    return reply.json()["id"]


def reload(server):
    """Returns when the next front and the next store serve; what served before may still have runs."""
    before = {p.pid for name in ("safexecd", "safexec-store") for p in server.find(name)}
    server.process.send_signal(signal.SIGHUP)
    for name in ("safexecd", "safexec-store"):
        harness.wait_until(lambda name=name: any(p.pid not in before for p in server.find(name)), WAIT_S, f"a new {name}")
    return before


def test_runs_jobs_and_keys_go_on_across_reloads(server):
    headers = add_key(server, "loader")
    submitters = [Submitter(server, headers) for _ in range(2)]
    askers = [Asker(server), Asker(server, pause_s=0.7), Asker(server, "import time; time.sleep(4); print(1)", times=1)]
    programs = ("safexec-warden", "safexecd", "safexec-store", "safexec-sender")
    first = {name: server.find(name)[0].pid for name in programs}
    long = submit(server, "import time\ntime.sleep(3)\nprint('whole')", headers)
    wait_state(server, long, headers, "started")
    for thread in (*submitters, *askers):
        thread.start()
    took_s = []
    for _ in range(RELOADS):
        before = reload(server)
        began = time.monotonic()
        job = submit(server, "print('after')", headers, priority=9)
        assert wait_state(server, job, headers, "done")["result"]["stdout"] == "after\n"
        took_s.append(time.monotonic() - began)
        harness.wait_until(lambda before=before: not before & {p.pid for p in server.processes()}, WAIT_S, "the end of what served before")
    for thread in (*submitters, *askers):
        thread.go_on = False
    for thread in (*submitters, *askers):
        thread.join(WAIT_S)
    assert all(result == {"success": True, "output": "1\n"} for asker in askers for result in asker.results) and len(askers[2].results) == 1
    assert all(len(server.find(name)) == 1 and server.find(name)[0].pid != first[name] for name in programs)
    assert server.log().count("Reloaded: what served before has ended.") == RELOADS
    jobs = [job for submitter in submitters for job in submitter.accepted]
    assert [text for submitter in submitters for text in submitter.refused] == []
    ends = [wait_state(server, job, headers, "done") for job in jobs]
    assert [end["problem"] for end in ends if end["problem"]] == []
    printed = [end["result"]["stdout"] for end in ends]
    assert len(set(printed)) == len(jobs) and all(len(text) == 17 for text in printed)
    assert get(server, long, headers)["result"]["stdout"] == "whole\n"
    lines = sum(line.count('"verdict":"ok"') for line in pathlib.Path(server.state.name, "audit.log").read_text().splitlines())
    assert lines >= len(jobs) + 1 + RELOADS  # each run once in the books, whichever front ran it
    checked = subprocess.run([harness.BUILD / "safexec", "log", "--state", server.state.name, "verify"], capture_output=True, text=True, timeout=WAIT_S)
    assert checked.returncode == 0, checked.stderr
    print(f"{RELOADS} reloads, {len(jobs)} jobs accepted meanwhile and none refused, none lost, none run twice; a job sent after a reload ended within "
          f"{max(took_s):.2f} s")


def test_while_the_front_before_a_reload_has_a_run_jobs_go_on_and_its_own_can_be_canceled(server):
    headers = add_key(server, "canceler")
    long = submit(server, "import time\ntime.sleep(55)", headers, limits={"wall_ms": 60000})
    wait_state(server, long, headers, "started")
    before = reload(server)
    other = submit(server, "print('meanwhile')", headers)
    assert wait_state(server, other, headers, "done")["result"]["stdout"] == "meanwhile\n"
    assert get(server, long, headers)["state"] == "started" and before & {p.pid for p in server.processes()}
    late = add_key(server, "late")  # returns when both fronts go by it
    assert requests.get(server.url + "/v1/jobs", headers=late, timeout=WAIT_S).status_code == 200
    assert requests.delete(f"{server.url}/v1/jobs/{long}", headers=headers, timeout=WAIT_S).json()["state"] == "canceled"
    harness.wait_until(lambda: not before & {p.pid for p in server.processes()}, 30, "the end of the front that ran it")


def test_a_front_that_dies_while_a_reload_goes_on_costs_its_own_jobs_alone(server):
    headers = add_key(server, "two")
    old = submit(server, "import time\ntime.sleep(55)", headers, limits={"wall_ms": 60000})
    wait_state(server, old, headers, "started")
    front, = server.find("safexecd")
    reload(server)
    new = submit(server, "import time\ntime.sleep(2)\nprint('whole')", headers)
    wait_state(server, new, headers, "started")
    store, = server.find("safexec-store")
    os.kill(store.pid, signal.SIGKILL)  # the next one asks both fronts what they have
    harness.wait_until(lambda: server.find("safexec-store") and server.find("safexec-store")[0].pid != store.pid, WAIT_S, "a new store")
    os.kill(front.pid, signal.SIGKILL)
    job = wait_state(server, old, headers, "done")
    assert (job["verdict"], job["problem"]["code"]) == ("internal", "internal_may_have_run")
    assert wait_state(server, new, headers, "done")["result"]["stdout"] == "whole\n"
