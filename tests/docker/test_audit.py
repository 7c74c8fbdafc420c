# SPDX-License-Identifier: Apache-2.0
"""`safexec audit` with the columns of the Docker provider: the original profile is weak where it is known to be, and the hardened one
nowhere."""

import json
import subprocess

import harness
import pytest

AUDIT_S = 120
OPEN_IN_ORIGINAL = {"host-folder", "disk", "identity"}  # what the hardened profile is there for


@pytest.fixture(scope="module")
def report(engine):
    command = [harness.BUILD / "safexec", "audit", "--provider", "docker", "--docker-host", engine.host, "--format", "json"]
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
    assert [column["id"] for column in report["columns"]] == ["docker-original", "docker-hardened"]
    assert [column["promises"] for column in report["columns"]] == [False, True]
    assert all(column["engine"].startswith("Docker Engine ") for column in report["columns"])


def test_no_container_is_left(report, engine):
    assert graded(report, "docker-hardened", "good") & graded(report, "docker-original", "good") >= {"aftermath", "process-left", "loop"}
    assert engine.containers() == []
