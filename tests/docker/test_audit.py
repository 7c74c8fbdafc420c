# SPDX-License-Identifier: Apache-2.0
"""`safexec audit` with the columns of the Docker provider: the original profile is weak where it is known to be, and the hardened one
nowhere."""

import json
import shutil
import subprocess

import harness
import pytest

AUDIT_S = 180
UNSEEN_IN_A_RUNTIME = {"process-left", "orphan-left", "fork", "cpu", "neighbour", "identity", "setuid"}
RUNTIME = ["--runtime", "runsc"] if shutil.which("runsc") else []
OPEN_IN_ORIGINAL = {"host-folder", "disk", "identity"}  # what the hardened profile is there for


@pytest.fixture(scope="module")
def report(engine):
    command = [harness.BUILD / "safexec", "audit", "--provider", "docker", "--docker-host", engine.host, "--format", "json", *RUNTIME]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=AUDIT_S)
    assert result.returncode == 0, result
    return json.loads(result.stdout)


def graded(report, column, *grades):
    return {case["id"] for case in report["cases"] if case["results"][column]["grade"] in grades}


def test_nothing_escapes_from_a_hardened_container(report):
    assert graded(report, "docker-hardened", "escaped", "unclear") == set()
    assert graded(report, "docker-hardened", "weak") == set()


def test_the_original_profile_is_weak_where_it_is_known_to_be(report):
    assert graded(report, "docker-original", "escaped", "unclear") == set()
    assert graded(report, "docker-original", "weak") >= OPEN_IN_ORIGINAL


def test_both_profiles_are_columns_of_one_engine(report):
    kinds = [("docker-original", False), ("docker-hardened", True), ("docker-runtime", True)][:3 if RUNTIME else 2]
    assert [(column["id"], column["promises"]) for column in report["columns"]] == kinds
    assert all(column["engine"].startswith("Docker Engine ") for column in report["columns"])


def test_no_container_is_left(report, engine):
    assert graded(report, "docker-hardened", "good") & graded(report, "docker-original", "good") >= {"aftermath", "process-left", "loop"}
    assert engine.containers() == []


@pytest.mark.skipif(not RUNTIME, reason="GVISOR IS NOT AUDITED: runsc not found; Debian's package runsc brings it")
def test_nothing_of_the_host_is_reached_from_gvisor(report):
    assert graded(report, "docker-runtime", "escaped") == set()
    # The host does not see gVisor's processes, and its threads count as the run's.
    assert graded(report, "docker-runtime", "unclear") <= UNSEEN_IN_A_RUNTIME


@pytest.mark.parametrize("host, words", [("unix:///nowhere", "No Docker Engine answers at unix:///nowhere"), (None, "has no runtime nothing-of-the-kind")])
def test_a_runtime_that_is_not_there_is_one_sentence(engine, host, words):
    result = subprocess.run([harness.BUILD / "safexec", "audit", "--provider", "docker", "--docker-host", host or engine.host, "--runtime",
                             "nothing-of-the-kind"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (3, "", 1) and words in result.stderr
