# SPDX-License-Identifier: Apache-2.0
"""The supervisor: how `safexec serve` begins: keys, the listening socket, what the programs that it starts are given; and how it ends."""
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import threading
import urllib.request

import pytest

import harness
from cli_stage import WAIT_S, arguments

# serve: keys and the programs beside the pair

@pytest.mark.parametrize("options", [["--listen", "0.0.0.0:0"], ["--listen", "[::]:0"], ["--listen", "[::ffff:127.0.0.1]:0"],
                                     ["--require-key", "yes"]], ids=" ".join)
def test_without_a_key_nothing_is_served_where_one_is_needed(stage, options):
    stage.serve(*options)
    status, error = stage.end()
    assert status == 2 and error.count("\n") == 1
    assert "without an API key, and there is none. Make one with `safexec keys add NAME`" in error
    assert ("safexecd", "start") not in stage.drain()


def test_with_a_key_any_address_is_served_and_the_front_asks_for_it(stage):
    stage.order(store={"keys": 1})
    stage.serve("--listen", "0.0.0.0:0")
    _, front = stage.wait_serving()
    assert "--require-key" in front["args"]


def test_store_and_front_are_linked_anew_when_one_of_them_is_a_new_one(stage):
    def wait_links(count):
        while sum((event["who"], event["what"]) == ("safexec-store", "link") for event in stage.seen) < count:
            stage.wait("safexec-store", "link")
        return [event for event in stage.seen if event["who"] == "safexec-store"][-1]["pid"]

    stage.order(store={"keys": 0, "status": 0})
    stage.serve()
    _, front = stage.wait_serving()
    store = wait_links(2)  # with the front, and with the sender
    os.kill(front["pid"], signal.SIGKILL)
    assert wait_links(3) == store
    os.kill(store, signal.SIGKILL)
    assert wait_links(5) != store


def test_a_store_that_keeps_dying_is_given_up_and_the_server_goes_on(stage):
    stage.order(store={"exit": 1})
    stage.serve()
    url = stage.url()
    lines = iter(stage.process.stderr.readline, "")
    assert any("safexec-store keeps dying. The server goes on without it." in line for line in lines)
    with urllib.request.urlopen(url, timeout=WAIT_S) as reply:
        assert reply.read() == b"hello"


# serve: the listening socket

def test_a_taken_port_is_one_sentence_and_status_1(stage):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run([stage.folder / "safexec", "serve", "--listen", f"127.0.0.1:{port}"], capture_output=True, text=True,
                                timeout=WAIT_S)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (f"safexec: 127.0.0.1:{port} is in use by another program. Stop it, or choose another port with --listen "
                             "127.0.0.1:PORT.\n")
    assert stage.drain() == []


def test_port_0_becomes_a_free_one_that_is_printed_and_answers(stage):
    stage.serve()
    stage.wait_serving()
    response = harness.requests.get(stage.url() + "/", timeout=WAIT_S)
    assert response.text == "hello"


@pytest.mark.parametrize("address, pattern", [("127.0.0.2:0", r"127\.0\.0\.2:\d+"), ("[::1]:0", r"\[::1\]:\d+"),
                                              ("[0:0::1]:0", r"\[::1\]:\d+")])
def test_every_loopback_address_is_accepted_and_named_in_its_usual_form(stage, address, pattern):
    if "::" in address and not pathlib.Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    stage.serve("--listen", address)
    _, front = stage.wait_serving()
    printed = re.fullmatch(rf"Listening on http://({pattern})/\n", stage.process.stdout.readline())[1]
    assert front["args"][front["args"].index("--listen-name") + 1] == printed


def test_requests_that_come_before_the_front_wait_for_it(stage):
    stage.order(front={"exit": 1})
    stage.serve()
    stage.wait("safexecd", "end")
    url = stage.url()
    answers = []
    client = threading.Thread(target=lambda: answers.append(harness.requests.get(url, timeout=WAIT_S).text))
    client.start()
    stage.order()
    client.join(WAIT_S)
    assert answers == ["hello"]


# serve: what the children are given

def test_options_reach_the_program_they_are_for_and_defaults_hold(stage):
    stage.serve()
    warden, front = stage.wait_serving()
    assert arguments(warden) == {"--supervisor-fd": "3", "--name": "default", "--environment": "base",
                                 "--zygote-max-forks": "10000", "--zygote-max-seconds": "3600"}
    given = arguments(front)
    assert re.fullmatch(r"127\.0\.0\.1:\d+", given.pop("--listen-name"))
    uid, gid = (os.getuid() or 12345), (os.getgid() or 12345)
    assert given == {"--listen-fd": "3", "--provider-fd": "4", "--supervisor-fd": "5", "--uid": str(uid), "--gid": str(gid), "--queue": "64", "--queue-ms": "30000", "--log-format": "text",
                     "--environment": "base"}


def test_options_given_are_passed_on(stage):
    stage.serve("--slots", "7", "--idle=3", "--queue", "5", "--queue-ms", "600", "--python", "/usr/bin/python3", "--root", "/srv/root",
                "--name", "n-1", "--zygote-max-forks", "9", "--zygote-max-seconds", "8")
    warden, front = stage.wait_serving()
    assert arguments(warden) == {"--supervisor-fd": "3", "--slots": "7", "--idle": "3", "--environment": "base", "--python": "/usr/bin/python3",
                                 "--root": "/srv/root", "--name": "n-1", "--zygote-max-forks": "9", "--zygote-max-seconds": "8"}
    assert (arguments(front)["--queue"], arguments(front)["--queue-ms"]) == ("5", "600")


def test_options_of_the_docker_provider_reach_it_and_it_alone(stage):
    stage.serve("--provider", "docker", "--slots", "2", "--image", "python:3.12", env={**os.environ, "DOCKER_HOST": "unix:///tmp/engine"})
    docker = stage.wait("safexec-docker", "start")
    assert arguments(docker) == {"--supervisor-fd": "3", "--docker-host": "unix:///tmp/engine", "--profile": "hardened",
                                 "--image": "python:3.12", "--slots": "2", "--name": "default"}


def test_children_inherit_nothing_but_what_is_handed_over(stage):
    with open("/dev/null", "rb") as stray:
        stage.serve(env={**os.environ, "SECRET": "1"}, pass_fds=[stray.fileno()])
        warden, front = stage.wait_serving()
    own = {"safexec-warden": 3, "safexecd": 5}  # the highest descriptor handed over
    for event in (warden, front):
        assert sorted(event["environment"]) in (["LANG", "PATH"], ["LANG", "LC_CTYPE", "PATH"])
        # The stand-in itself opened its events socket, two ends of a pipe and the folder it lists.
        assert event["fds"][:own[event["who"]] + 1] == list(range(own[event["who"]] + 1))
        assert len(event["fds"]) <= own[event["who"]] + 1 + 4
        assert event["stdin"] == "/dev/null"
        assert event["group"] == event["pid"]  # so that Ctrl-C in a terminal reaches only the supervisor


def test_the_link_goes_to_the_warden_with_one_descriptor(stage):
    stage.serve()
    stage.wait_serving()
    told = [event for event in stage.seen if event["what"] == "front"]
    assert [(event["frame"], event["fds"]) for event in told] == [(struct.pack("=II", 0x53584543, 6).hex(), 1)]


@pytest.mark.skipif(os.getuid() != 0, reason="only root starts a front under other ids")
def test_a_warden_that_wants_a_root_front_is_not_obeyed(stage):
    stage.order(warden={"ids": [0, 12345]})
    stage.serve()
    assert stage.end()[0] == 1
    assert ("safexecd", "start") not in stage.drain()


# serve: the end

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_front_first_and_then_the_warden(stage, number):
    stage.serve()
    stage.wait_serving()
    stage.process.send_signal(number)
    assert stage.end() == (0, "")
    assert stage.drain()[-4:] == [("safexecd", "sigterm"), ("safexecd", "end"), ("safexec-warden", "sigterm"), ("safexec-warden", "end")]


def test_the_warden_is_left_alone_while_the_front_finishes_what_runs(stage):
    stage.order(front={"end_after_s": 0.5})
    stage.serve()
    warden, _ = stage.wait_serving()
    stage.process.send_signal(signal.SIGTERM)
    stage.wait("safexecd", "sigterm")
    assert harness.Process(warden["pid"]).is_alive()
    assert stage.end() == (0, "")


def test_a_signal_before_the_warden_is_ready_ends_it(stage):
    stage.order(warden={"is_silent": True})
    stage.serve()
    stage.wait("safexec-warden", "start")
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end() == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_kills_both_at_once(stage, number):
    stage.order(front={"on_sigterm": "stay"}, warden={"on_sigterm": "stay"})
    stage.serve()
    warden, front = stage.wait_serving()
    stage.process.send_signal(number)
    stage.wait("safexecd", "sigterm")
    stage.process.send_signal(number)
    assert stage.end()[0] == 1
    assert not harness.Process(warden["pid"]).is_alive() and not harness.Process(front["pid"]).is_alive()
    assert ("safexec-warden", "sigterm") not in stage.drain()


@pytest.mark.parametrize("program, sentence", [("front", "safexecd ended with status 7"),
                                               ("warden", "safexec-warden ended with status 7; the next start removes what it left")])
def test_an_end_that_goes_wrong_is_told_with_status_1(stage, program, sentence):
    stage.order(**{program: {"end_status": 7}})
    stage.serve()
    stage.wait_serving()
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end() == (1, f"safexec: {sentence}\n")


def test_a_warden_that_is_killed_during_the_end_is_not_restarted(stage):
    stage.order(front={"end_after_s": 0.5, "on_unlinked": "stay"})
    stage.serve()
    warden, _ = stage.wait_serving()
    stage.process.send_signal(signal.SIGTERM)
    stage.wait("safexecd", "sigterm")
    os.kill(warden["pid"], signal.SIGKILL)
    status, error = stage.end()
    assert (status, error) == (1, "safexec: safexec-warden was killed by signal 9 (SIGKILL); the next start removes what it left\n")
    assert stage.drain().count(("safexec-warden", "start")) == 1


def test_a_killed_supervisor_takes_its_children_with_it(stage):
    stage.serve()
    warden, front = stage.wait_serving()
    processes = [harness.Process(event["pid"]) for event in (warden, front)]
    stage.process.kill()
    for process in processes:
        harness.wait_until(lambda p=process: not p.is_alive(), WAIT_S, f"end of {process}")


def test_restarts_leave_no_descriptor_behind(stage):
    stage.serve()
    warden, front = stage.wait_serving()
    supervisor = harness.Process(stage.process.pid)
    before = harness.wait_until(lambda: len(harness.descendants(stage.process.pid)) == 5 and len(supervisor.descriptors()), WAIT_S, "helpers")
    for victim in ("front", "warden"):
        os.kill({"front": front, "warden": warden}[victim]["pid"], signal.SIGKILL)
        if victim == "front":
            front = stage.wait("safexecd", "start")
            stage.wait("safexecd", "linked")
        else:
            stage.wait_serving()
        harness.wait_until(lambda: len(supervisor.descriptors()) == before, WAIT_S, f"{before} descriptors")
