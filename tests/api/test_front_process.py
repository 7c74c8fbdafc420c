# SPDX-License-Identifier: Apache-2.0
"""The front alone: as a process, from its command line to its end."""
import os
import socket
import subprocess
import sys
import threading
import time

import pytest
import requests
from fake_provider import FakeProvider
from front import ENVIRONMENT, IDS, PROGRAM, check_failure, check_leaving_cancels, hold, let_go


def test_sigterm_finishes_what_runs_and_exits_0(own):
    one = own()
    results, threads = hold(one, 1)
    one.process.terminate()
    time.sleep(0.1)
    assert one.process.poll() is None
    let_go(one, threads)
    assert results[0].json() == {"success": True, "output": "held"} and results[0].headers["Connection"] == "close"
    assert one.process.wait(5) == 0 and one.process.stderr.read() == ""


def test_sigterm_without_work_exits_at_once(own):
    one = own()
    one.run("ok:1")
    started = time.monotonic()
    one.process.terminate()
    assert one.process.wait(5) == 0 and time.monotonic() - started < 0.5


def test_sigterm_tells_those_who_wait(own):
    one = own(slots=1)
    results, threads = hold(one, 1)
    waiting = threading.Thread(target=lambda: results.append(one.run("ok:1")))
    waiting.start()
    time.sleep(0.1)
    one.process.terminate()
    waiting.join(5)
    check_failure(results[0], 503, "stopping")
    let_go(one, threads)
    assert one.process.wait(5) == 0


def test_sigint_is_left_to_the_supervisor(own):
    one = own()
    one.process.send_signal(2)
    assert one.run("ok:1").json()["output"] == "1"


def test_a_lost_provider_ends_the_front_with_one_sentence_and_answers_first(own):
    one = own(slots=1)
    results, threads = hold(one, 1)
    waiting = threading.Thread(target=lambda: results.append(one.run("ok:1")))
    waiting.start()
    time.sleep(0.1)
    here = requests.Session()  # its connection is there already: new ones are another front's
    assert here.get(one.url("/healthz"), timeout=10).status_code == 200
    one.provider.is_refilling = False
    one.provider.link.close()
    waiting.join(5)
    check_failure(results[0], 503, "restarted")
    check_failure(here.get(one.url("/healthz"), timeout=10), 503, "restarted")
    one.provider.cells[0].control.shutdown(socket.SHUT_RDWR)
    threads[0].join(5)
    check_failure(results[1], 500, "may have run")
    assert one.process.wait(5) == 1
    lines = one.process.stderr.read().splitlines()
    assert lines[0] == "safexecd: The provider has closed its link; answering what is under way, then ending."


def test_a_provider_that_talks_nonsense_is_left(own):
    one = own()
    one.provider.is_refilling = False
    one.provider.link.send(b"nonsense")
    assert one.process.wait(5) == 1
    assert one.process.stderr.read().startswith("safexecd: The provider sent what is not a cell")


def test_a_cell_that_dies_while_it_is_ready_costs_nobody_anything(own):
    one = own(slots=3)
    one.provider.is_refilling = False
    for slot in (0, 1):
        one.provider.cells[slot].control.shutdown(socket.SHUT_RDWR)
    assert one.run("ok:1").json()["output"] == "1"


def test_the_listening_socket_outlives_the_front():
    listener = socket.create_server(("127.0.0.1", 0))
    for _ in range(2):
        provider = FakeProvider(1)
        process = subprocess.Popen([PROGRAM, "--listen-fd", str(listener.fileno()), "--provider-fd", str(provider.end.fileno()), *IDS],
                                   pass_fds=(listener.fileno(), provider.end.fileno()), stderr=subprocess.PIPE, text=True,
                                   env=ENVIRONMENT)
        provider.end.close()
        provider.start()
        process.stderr.readline()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/run"
        assert requests.post(url, json={"code": "ok:1"}, timeout=10).json()["output"] == "1"
        provider.close()
        assert process.wait(5) == 1
        process.stderr.close()
    listener.close()


def test_it_is_confined(front):
    status = dict(line.split(":\t", 1) for line in open(f"/proc/{front.process.pid}/status"))
    assert status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2"
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[name], 16) == 0, name
    if os.geteuid() == 0:
        assert int(status["CapBnd"], 16) == 0
        assert status["Uid"].split() == ["65534"] * 4 and status["Gid"].split() == ["65534"] * 4 and status["Groups"].split() == []


def test_others_of_its_user_cannot_look_into_it(front):
    if os.geteuid() != 0:
        pytest.skip("not root")
    assert os.stat(f"/proc/{front.process.pid}/mem").st_uid == 0  # not dumpable: proc(5)


def test_it_does_not_outlive_its_supervisor():
    provider = FakeProvider(1)
    listener = socket.create_server(("127.0.0.1", 0))
    command = [PROGRAM, "--listen-fd", str(listener.fileno()), "--provider-fd", str(provider.end.fileno()), *IDS]
    supervisor = subprocess.Popen(
        [sys.executable, "-c", "import subprocess, sys; subprocess.Popen(sys.argv[1:], close_fds=False).wait()", *command],
        pass_fds=(listener.fileno(), provider.end.fileno()), stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    provider.end.close()
    provider.start()
    assert "ready" in supervisor.stderr.readline()
    supervisor.kill()
    assert supervisor.stderr.read() == ""  # the pipe's last writer is gone
    supervisor.wait(5)
    provider.link.settimeout(5)
    assert provider.link.recv(1) == b""
    provider.close()
    listener.close()


def test_it_leaves_no_descriptor_behind(front):
    if os.geteuid() != 0:
        pytest.skip("not dumpable: only root may look")

    def descriptors():
        return len(os.listdir(f"/proc/{front.process.pid}/fd"))

    front.run("ok:1")
    time.sleep(0.2)
    before = descriptors()
    for number in range(100):
        front.run("ok:1" if number % 2 else "out:2000000")
        check_leaving_cancels(front, number % 4 == 0, at_most_s=5)
    time.sleep(0.2)
    assert descriptors() <= before + 2


@pytest.mark.parametrize("arguments, message", [
    ([], "--listen-fd and --provider-fd are needed"),
    (["--listen-fd", "x"], "--listen-fd x: not a number"),
    (["--queue", "10001"], "--queue 10001: not a number from 0 to 10000"),
    (["--limit", "wall_ms=0"], "--limit wall_ms=0: not a number from 10 to 600000"),
    (["--limit", "nothing=1"], "--limit nothing=1: write NAME=VALUE"),
    (["--listen-fd", "0", "--provider-fd", "0", "--uid", "5"], "--uid and --gid are needed together"),
    (["extra"], "extra: no argument is expected"),
])
def test_a_wrong_command_line_is_status_2_and_one_sentence(arguments, message):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=10)
    assert done.returncode == 2 and done.stderr.startswith("safexecd: " + message) and done.stderr.count("\n") == 1


def test_a_wrong_descriptor_is_status_1_and_one_sentence():
    done = subprocess.run([PROGRAM, "--listen-fd", "77", "--provider-fd", "78"], capture_output=True, text=True, timeout=10)
    assert (done.returncode, done.stderr) == (1, "safexecd: --listen-fd 77: not a socket.\n")


def test_root_has_to_become_another_and_others_cannot():
    ids = [] if os.geteuid() == 0 else ["--uid", "65532", "--gid", "65532"]
    pair = socket.socketpair()
    listener = socket.create_server(("127.0.0.1", 0))
    done = subprocess.run([PROGRAM, "--listen-fd", str(listener.fileno()), "--provider-fd", str(pair[0].fileno()), *ids],
                          pass_fds=(listener.fileno(), pair[0].fileno()), capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and done.stderr.startswith("safexecd: Cannot confine the front (")


def test_help_names_every_option():
    done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0 and "--provider-fd" in done.stdout and "memory_bytes" in done.stdout
