# SPDX-License-Identifier: Apache-2.0
"""The supervisor: reloading."""
import os
import signal
import subprocess

import requests

import harness
from cli_stage import WAIT_S, reload


def test_a_reload_starts_a_pair_beside_the_old_one_which_ends_front_first(stage):
    stage.serve()
    url = stage.url()
    first_warden, first_front = stage.wait_serving()
    warden, front = reload(stage, first_front)
    old = [event["what"] for event in stage.seen if event["pid"] == first_front["pid"]]
    assert [what for what in old if what != "linked"] == ["sighup", "end"], "it is asked to go on with whom it has, only when the next one is there"
    assert [event["who"] for event in (warden, front)] == ["safexec-warden", "safexecd"]
    assert warden["args"][-2:] == ["--turn", "2"] and "--turn" not in first_warden["args"]
    if not [event for event in stage.seen if (event["who"], event["what"]) == ("safexec-warden", "end")]:
        stage.wait("safexec-warden", "end")
    assert [event["pid"] for event in stage.seen if (event["who"], event["what"]) == ("safexec-warden", "end")] == [first_warden["pid"]]
    assert requests.get(url, timeout=WAIT_S).text == "hello"
    assert harness.Process(stage.process.pid).is_alive(), "it is the same process"
    assert stage.process.stderr.readline() == "safexec: Reloaded: what served before has ended.\n"
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end() == (0, "")


def test_a_reload_brings_what_lies_on_the_disk_now(stage):
    stage.serve()
    _, front = stage.wait_serving()
    for name in ("safexec", "safexecd"):  # as a package manager replaces a file: another inode under the name
        (stage.folder / "new").write_bytes((stage.folder / name).read_bytes())
        (stage.folder / "new").chmod(0o755)
        (stage.folder / "new").rename(stage.folder / name)
    inode = (stage.folder / "safexec").stat().st_ino
    reload(stage, front)
    assert os.stat(f"/proc/{stage.process.pid}/exe").st_ino == inode


def test_reloads_follow_one_another_and_leave_no_descriptor_behind(stage):
    stage.serve()
    _, front = stage.wait_serving()
    counts = []
    for turn in range(2, 5):
        warden, front = reload(stage, front)
        assert warden["args"][-2:] == ["--turn", str(turn)]
        harness.wait_until(lambda: len(harness.descendants(stage.process.pid)) == 5, WAIT_S, "four children")
        counts.append(len(harness.Process(stage.process.pid).descriptors()))
    assert len(set(counts)) == 1, counts


def test_a_reload_that_the_new_program_refuses_changes_nothing(stage):
    stage.serve()
    warden, front = stage.wait_serving()
    (stage.folder / "new").write_text("#!/bin/sh\nexit 2\n")
    (stage.folder / "new").chmod(0o755)
    (stage.folder / "new").rename(stage.folder / "safexec")
    stage.process.send_signal(signal.SIGHUP)
    assert "nothing is changed" in stage.process.stderr.readline()
    assert harness.Process(warden["pid"]).is_alive() and harness.Process(front["pid"]).is_alive()
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end() == (0, "")


def test_another_address_is_said_to_take_a_restart(stage, tmp_path):
    config = tmp_path / "safexec.conf"
    config.write_text(f"[server]\nlisten = unix:{tmp_path}/one\n")
    stage.process = subprocess.Popen([stage.folder / "safexec", "serve", "--config", config], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _, front = stage.wait_serving()
    config.write_text(f"[server]\nlisten = unix:{tmp_path}/two\n")
    reload(stage, front)
    stage.process.send_signal(signal.SIGTERM)
    status, error = stage.end()
    assert status == 0 and f"To listen on unix:{tmp_path}/two takes a restart" in error


def test_a_reload_whose_warden_cannot_run_leaves_the_old_pair_serving(stage):
    stage.serve()
    url = stage.url()
    warden, front = stage.wait_serving()
    stage.order(warden={"exit": 3})
    stage.process.send_signal(signal.SIGHUP)
    assert "made of cheese" in stage.process.stderr.readline()
    assert stage.process.stderr.readline() == "safexec: The reload has failed; what served before goes on.\n"
    assert requests.get(url, timeout=WAIT_S).text == "hello"
    stage.order()
    os.kill(front["pid"], signal.SIGKILL)  # and is looked after as before
    stage.wait("safexecd", "start")
    assert harness.Process(warden["pid"]).is_alive()
    reload(stage, stage.seen[-1])
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end()[0] == 0


def test_an_end_during_a_reload_ends_both_pairs(stage):
    stage.order(front={"on_sigterm": "stay"})  # SIGHUP too
    stage.serve()
    _, front = stage.wait_serving()
    stage.process.send_signal(signal.SIGHUP)
    stage.wait("safexecd", "linked")
    stage.process.send_signal(signal.SIGTERM)
    stage.wait("safexecd", "sigterm")
    stage.wait("safexecd", "sigterm")
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end()[0] == 1
    assert not harness.processes_with(str(stage.folder))


def test_the_docker_provider_is_replaced_one_after_the_other(stage):
    stage.serve("--provider", "docker")
    stage.wait("safexecd", "linked")
    stage.seen.clear()
    stage.process.send_signal(signal.SIGHUP)
    stage.wait("safexecd", "linked")
    assert [(event["who"], event["what"]) for event in stage.seen if event["what"] in ("end", "start")] == [
        ("safexecd", "end"), ("safexec-docker", "end"), ("safexec-docker", "start"), ("safexecd", "start")]
