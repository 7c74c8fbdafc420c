# SPDX-License-Identifier: Apache-2.0
"""The supervisor: what follows when the programs that `safexec serve` has started die."""
import os
import signal
import struct

import pytest

import harness


def test_a_dead_front_is_replaced_and_the_warden_stays(stage):
    stage.serve()
    warden, front = stage.wait_serving()
    os.kill(front["pid"], signal.SIGKILL)
    new = stage.wait("safexecd", "start")
    stage.wait("safexecd", "linked")
    assert new["pid"] != front["pid"]
    assert harness.Process(warden["pid"]).is_alive()
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end() == (0, "safexec: safexecd was killed by signal 9 (SIGKILL); starting a new one\n")


def test_a_dead_warden_is_replaced_and_the_front_too(stage):
    stage.serve()
    warden, front = stage.wait_serving()
    os.kill(warden["pid"], signal.SIGKILL)
    new_warden, new_front = stage.wait_serving()
    assert new_warden["pid"] != warden["pid"] and new_front["pid"] != front["pid"]
    assert not harness.Process(front["pid"]).is_alive()
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end() == (0, "safexec: safexec-warden was killed by signal 9 (SIGKILL); starting a new one\n")


def test_both_dead_at_once_are_both_replaced(stage):
    stage.serve()
    warden, front = stage.wait_serving()
    os.kill(stage.process.pid, signal.SIGSTOP)
    os.kill(front["pid"], signal.SIGKILL)
    os.kill(warden["pid"], signal.SIGKILL)
    os.kill(stage.process.pid, signal.SIGCONT)
    stage.wait_serving()
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end()[0] == 0


def test_a_front_that_outlives_its_warden_is_killed_and_replaced(stage):
    stage.order(front={"on_unlinked": "stay", "on_sigterm": "stay"})
    stage.serve()
    warden, front = stage.wait_serving()
    stage.order()
    os.kill(warden["pid"], signal.SIGKILL)
    stage.wait("safexecd", "sigterm")
    _, new_front = stage.wait_serving()
    assert new_front["pid"] != front["pid"] and not harness.Process(front["pid"]).is_alive()


@pytest.mark.parametrize("program", ["warden", "front"])
def test_a_program_that_keeps_dying_is_given_up_after_five_restarts(stage, program):
    stage.order(**{program: {"exit": 1}})
    stage.serve()
    status, error = stage.end()
    name = {"warden": "safexec-warden", "front": "safexecd"}[program]
    assert status == 1
    assert error.splitlines() == [f"safexec: {name} ended with status 1; starting a new one"] * 5 + [
        f"safexec: {name} ended with status 1",
        f"safexec: {name} keeps dying; giving up.",
    ]
    assert stage.drain().count((name, "start")) == 6


def test_a_machine_that_cannot_run_it_is_said_once_by_the_warden_with_status_3(stage):
    stage.order(warden={"exit": 3})
    stage.serve()
    assert stage.end() == (3, "safexec-warden: This machine is made of cheese.\n")
    assert stage.drain() == [("safexec-warden", "start"), ("safexec-warden", "end")]


@pytest.mark.parametrize("program", ["warden", "front"])
def test_a_program_that_does_not_know_its_options_is_not_restarted(stage, program):
    stage.order(**{program: {"exit": 2}})
    stage.serve()
    assert stage.end() == (2, "")
    assert stage.drain().count(({"warden": "safexec-warden", "front": "safexecd"}[program], "start")) == 1


NONSENSE = {
    "wrong magic": struct.pack("=IIII", 1, 5, 7, 7), "wrong type": struct.pack("=IIII", 0x53584543, 1, 7, 7),
    "too short": struct.pack("=III", 0x53584543, 5, 7), "too long": struct.pack("=IIIII", 0x53584543, 5, 7, 7, 7),
    "far too long": b"x" * 5000,
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_warden_that_talks_nonsense_is_ended_and_replaced(stage, name):
    stage.order(warden={"bytes_first": NONSENSE[name].hex()})
    stage.serve()
    first = harness.Process(stage.wait("safexec-warden", "start")["pid"])
    stage.order()
    stage.wait_serving()
    assert not first.is_alive()


def test_a_missing_program_is_one_sentence_and_status_1(stage):
    (stage.folder / "safexec-warden").unlink()
    stage.serve()
    assert stage.end() == (1, f"safexec: Cannot start {stage.folder}/safexec-warden: No such file or directory\n")
