# SPDX-License-Identifier: Apache-2.0
"""A state folder whose disk is full: programs run as ever, jobs are refused in words, nothing that was accepted is lost, and with room
again all of it works without a hand. The folder is a small tmpfs in a mount namespace of the server's own."""

import os
import pathlib
import signal

import harness
import pytest
import requests

LAUNCHER = """#!/bin/sh
for word in "$@"; do
	[ "$last" = --state ] && state=$word
	last=$word
done
exec unshare -m --propagation private sh -c 'mount -t tmpfs -o mode=700,size=3m none "$0" && exec "$@"' "$state" {program} "$@"
"""
BODY = "#" + "x" * 100_000  # of a program: the log of the database has some room left that a small one fits in


@pytest.fixture
def server(tmp_path):
    harness.need_root()
    launcher = tmp_path / "safexec"
    launcher.write_text(LAUNCHER.format(program=harness.BUILD / "safexec"))
    launcher.chmod(0o755)
    server = harness.Server("--slots", "2", program=launcher).wait_ready()
    harness.wait_until(lambda: requests.get(server.url + "/v1/jobs", timeout=10).ok, 20, "the store")
    yield server
    server.stop()


class Disk:
    """The server's own view of its state folder."""

    def __init__(self, server):
        self.path = pathlib.Path(f"/proc/{server.pid}/root{server.state.name}/filler")

    def fill(self):
        with open(self.path, "ab", 0) as f:
            try:
                while f.write(bytes(4096)):
                    pass
            except OSError:
                pass

    def free(self):
        self.path.unlink()


def submit(server, code):
    return requests.post(server.url + "/v1/jobs", json={"code": code}, timeout=20)


def get(server, job):
    reply = requests.get(f"{server.url}/v1/jobs/{job}", timeout=20)
    return reply.json() if reply.ok else {"state": reply.text}


def wait_done(server, job):
    return harness.wait_until(lambda: (found := get(server, job))["state"] == "done" and found, 30, f"{job} is done")


def wait_refused(server):
    """The database may find room in its own files for a while. (A reply that is an error is false.)"""
    return harness.wait_until(lambda: (reply := submit(server, BODY)).status_code != 202 and [reply], 20, "a job is refused")[0]


def check_refusal(reply, *words):
    assert (reply.status_code, reply.json()["code"]) == (503, "jobs_unavailable"), reply.text
    assert all(word in reply.json()["detail"] for word in words), reply.text
    assert int(reply.headers["Retry-After"]) > 0


def test_a_full_disk_refuses_jobs_in_words_and_costs_no_run_and_no_job(server):
    disk = Disk(server)
    before = submit(server, "print('before')").json()["id"]
    wait_done(server, before)
    during = submit(server, "import time; time.sleep(1); print('during')").json()["id"]
    harness.wait_until(lambda: get(server, during)["state"] == "started", 10, "it has begun")
    disk.fill()
    check_refusal(wait_refused(server), "disk", "full")
    assert server.run("print(1)")["output"] == "1\n"
    assert get(server, before)["result"]["stdout"] == "before\n"
    disk.free()
    after = harness.wait_until(lambda: (reply := submit(server, "print('after')")).status_code == 202 and reply, 10, "a job is taken").json()["id"]
    assert [wait_done(server, job)["result"]["stdout"] for job in (before, during, after)] == ["before\n", "during\n", "after\n"]


def test_a_store_that_starts_on_a_full_disk_comes_back_by_itself(server):
    disk = Disk(server)
    before = submit(server, "print('before')").json()["id"]
    wait_done(server, before)
    (store,) = server.find("safexec-store")
    os.kill(server.pid, signal.SIGSTOP)
    os.kill(store.pid, signal.SIGKILL)
    harness.wait_until(lambda: not store.is_alive(), 5, "its files are closed")
    for name in ("safexec.db-wal", "safexec.db-shm"):  # as after a checkpoint and an end in order: there is nothing to write in
        disk.path.with_name(name).unlink(missing_ok=True)
    disk.fill()
    os.kill(server.pid, signal.SIGCONT)
    harness.wait_until(lambda: "cannot be used" in submit(server, BODY).json().get("detail", ""), 20, "jobs are refused in words")
    assert server.run("print(1)")["output"] == "1\n"
    disk.free()
    after = harness.wait_until(lambda: (r := submit(server, "print('after')")).status_code == 202 and r, 20, f"a job is taken; {server.log()}").json()["id"]
    assert wait_done(server, after)["result"]["stdout"] == "after\n"
