# SPDX-License-Identifier: Apache-2.0
"""A reload of a real server: a new warden and a new front beside the old ones, and no run is lost."""

import contextlib
import signal
import threading
import time

import requests
from harness import cgroups_of, wait_until


def test_reloads_lose_no_run(start_server):
    server = start_server("--slots", "4")
    results, go_on = [], True

    def ask(session):
        while go_on:
            results.append(server.run("print(1)", session=session))

    def ask_in_long_intervals(session):
        while go_on:
            results.append(server.run("print(1)", session=session))
            time.sleep(0.7)

    threads = [threading.Thread(target=target, args=(requests.Session(),)) for target in (ask, ask, ask_in_long_intervals)]
    long_run = threading.Thread(target=lambda: results.append(server.run("import time; time.sleep(4); print(1)")))
    for thread in (*threads, long_run):
        thread.start()
    wait_until(lambda: len(results) > 5, 10, "some answers")
    first = {p.pid for p in server.processes()} - {server.pid}
    pids = [{p.pid for p in server.find(name)} for name in ("safexec-warden", "safexecd")]
    for _ in range(2):
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not first & {p.pid for p in server.processes()}, 30, "what served before has ended")
        first = {p.pid for p in server.processes()} - {server.pid}
    go_on = False
    for thread in (*threads, long_run):
        thread.join()
    assert results == [{"success": True, "output": "1\n"}] * len(results) and not long_run.is_alive()
    assert all(len(server.find(name)) == 1 and {p.pid for p in server.find(name)} != old
               for name, old in zip(("safexec-warden", "safexecd"), pids))
    assert server.log().count("Reloaded: what served before has ended.") == 2
    server.stop()


def test_after_kill_9_in_the_middle_of_a_reload_the_next_start_sweeps(start_server):
    server = start_server("--slots", "1")

    def ask():
        with contextlib.suppress(requests.ConnectionError):
            server.post({"code": "import time; time.sleep(8)"})

    run = threading.Thread(target=ask)
    run.start()
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(server.find("safexec-warden")) == 2, 10, "two wardens")
    wait_until(lambda: len(set(cgroups_of(server.name + ".2"))) > 0, 10, "the cgroups of the second")
    server.kill()
    run.join()
    again = start_server("--slots", "1", name=server.name)
    assert not cgroups_of(server.name + ".2")
    again.stop()
