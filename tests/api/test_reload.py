# SPDX-License-Identifier: Apache-2.0
"""A reload of a real server that is killed on the way: a new warden and a new front are beside the old ones. What goes well is test_reload_jobs.py's."""

import contextlib
import signal
import threading

import requests
from harness import cgroups_of, wait_until


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
