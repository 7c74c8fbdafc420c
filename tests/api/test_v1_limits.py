# SPDX-License-Identifier: Apache-2.0
"""The limits of POST /v1/runs: each at its ends and beyond, each seen to hold."""
import openapi
import pytest
import v1

BOUNDS = openapi.SPEC["components"]["schemas"]["Limits"]["properties"]
STEP = {"integer": 1, "number": 0.001}


@pytest.mark.parametrize("name", BOUNDS)
def test_each_limit_is_taken_at_its_ends(server, name):
    for value in (BOUNDS[name]["minimum"], BOUNDS[name]["maximum"]):
        answer = v1.run(server, "", limits={name: value})
        assert answer["verdict"] in ("ok", "error", "timeout", "cpu_timeout", "memory", "output", "disk", "pids"), answer


@pytest.mark.parametrize("name", BOUNDS)
def test_each_limit_is_refused_beyond_with_field_value_and_range(server, name):
    step = STEP[BOUNDS[name]["type"]]
    for value in (BOUNDS[name]["minimum"] - step, BOUNDS[name]["maximum"] + step, 0, -1):
        problem = v1.refuse(server, {"code": "", "limits": {name: value}}, 422, "limit_out_of_range")
        assert problem["field"] == f"limits.{name}" and problem["value"] == value and problem["retryable"] == "no"
        assert (problem["minimum"], problem["maximum"]) == (BOUNDS[name]["minimum"], BOUNDS[name]["maximum"])


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("value", ["10", None, True, [], {}, 1e400])
def test_each_limit_is_a_number(server, name, value):
    if value == 1e400:
        body = b'{"code": "", "limits": {"%s": 1e400}}' % name.encode()
        v1.refuse(server, body, 400, "bad_json")
    else:
        assert v1.refuse(server, {"code": "", "limits": {name: value}}, 422, "invalid_field")["field"] == f"limits.{name}"


@pytest.mark.parametrize("name", ["code_chars", "cpu_millis", "wall", ""])
def test_another_name_is_not_known(server, name):
    assert v1.refuse(server, {"code": "", "limits": {name: 1}}, 422, "unknown_field")["field"] == f"limits.{name}"


@pytest.mark.parametrize("limits, code, verdict, message", [
    ({"wall_ms": 300}, "import time; time.sleep(9)", "timeout", "Execution timed out after 0.3 seconds."),
    ({"cpu_ms": 100, "cpus": 1}, "while True: pass", "cpu_timeout", "CPU time limit of 0.1 seconds exceeded."),
    ({"memory_bytes": 64 << 20}, "x = bytearray(100 << 20)", "memory", "Memory limit of 64 MB exceeded."),
    ({"output_bytes": 5}, "print('123456')", "output", "Output limit of 5 bytes exceeded."),
    ({"pids": 3}, "import os, time\nfor _ in range(5):\n    if os.fork() == 0: time.sleep(1); os._exit(0)", "pids", "Process limit of 3 reached."),
    ({"disk_bytes": 1 << 20}, "open('x', 'wb').write(bytes(2 << 20))", "disk", "Disk limit of 1 MiB reached."),
    ({"disk_files": 16}, "for n in range(30): open(str(n), 'w')", "disk", "Disk limit of 16 MiB reached."),
])
def test_each_limit_ends_what_passes_it_and_is_named(server, limits, code, verdict, message):
    answer = v1.run(server, code, limits=limits)
    assert (answer["verdict"], answer["message"]) == (verdict, message), answer


@pytest.mark.parametrize("limits, code, want", [
    ({"open_files": 32}, "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[1])", "32"),
    ({"file_bytes": 4096}, "import resource; print(resource.getrlimit(resource.RLIMIT_FSIZE)[1])", "4096"),
    ({"memory_bytes": 512 << 20}, "x = bytearray(300 << 20); print(len(x) >> 20)", "300"),
    ({"output_bytes": 2 << 20}, "print('x' * (1 << 20))", "x" * (1 << 20)),
])
def test_each_limit_gives_what_it_says(server, limits, code, want):
    answer = v1.run(server, code, limits=limits)
    assert (answer["verdict"], answer["stdout"]) == ("ok", want + "\n")


def test_more_than_the_servers_own_default_can_be_asked_for(server):
    code = "import time; time.sleep(0.2); print('x' * 10)"
    assert v1.run(server, code, limits={"wall_ms": 60000, "cpus": 2})["verdict"] == "ok"


def test_the_servers_own_maximum_holds(start_server):
    own = start_server("--slots", "1")
    assert v1.refuse(own, {"code": "", "limits": {"wall_ms": 60001}}, 422, "limit_out_of_range")["maximum"] == 60000
