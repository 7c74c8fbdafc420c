# SPDX-License-Identifier: Apache-2.0
"""The hardened profile under another OCI runtime, gVisor's runsc: a kernel of its own between the program and the host's."""

import shutil

import pytest
import test_run_table as table

native, ok, failed = table.native, table.ok, table.failed


@pytest.fixture(scope="module")
def gvisor(start_docker):
    if not shutil.which("runsc"):
        pytest.skip("GVISOR IS NOT TESTED: runsc not found; Debian's package runsc brings it")
    return start_docker("--profile", "hardened", "--runtime", "runsc", "--slots", "2")


def test_the_kernel_that_a_program_sees_is_gvisors(gvisor):
    assert "gVisor" in gvisor.run("print(open('/proc/version').read(), open('/proc/self/mounts').read())")["output"] or (
        "4.4.0" in gvisor.run("import os; print(os.uname().release)")["output"])


@pytest.mark.parametrize("code, answer", [row[1:] for row in native.ENDINGS], ids=[row[0] for row in native.ENDINGS])
def test_a_program_that_ends_is_answered(gvisor, code, answer):
    assert gvisor.run(code) == answer


# Not the row of one write(2) of a MiB and a byte: here it is a short write, as POSIX allows, and the last byte is never written.
SAME = [
    native.test_an_exception_gives_its_traceback,
    native.test_memory_below_the_limit_is_there_to_use,
    native.test_an_endless_flood_is_cut_at_the_limit,
    native.test_a_read_only_program_reads_and_computes,
]


@pytest.mark.parametrize("check", SAME, ids=lambda check: check.__name__)
def test_what_holds_for_the_native_provider_holds_here(gvisor, check):
    check(gvisor)


def test_memory_limit(gvisor):
    answer = gvisor.run('"a" * 1000000000')
    # The host's kernel kills gVisor's own process, and the Engine hears of the cause now and then only.
    assert answer in (failed("Memory limit of 128 MB exceeded."), failed("Killed by signal 9 (SIGKILL)."))


@pytest.mark.parametrize("path", ["/app/x", "/tmp/x", "/app/script.py"])
def test_read_only_refuses_writes_with_errno_30(gvisor, path):
    native.test_read_only_refuses_writes_with_errno_30(gvisor, path)


def test_wall_time_ends_a_busy_program(gvisor):
    with native.timed(1.9, 6):
        answer = gvisor.post({"code": "while True: pass", "displays": False, "limits": {"wall_ms": 2000}}, path="/v1/runs").json()
    assert answer["verdict"] == "timeout"


def test_a_container_of_gvisor_has_usage_too(gvisor):
    # gVisor has a clock of its own for that.
    code = "import time\nwhile time.process_time() < 0.3:\n    for _ in range(20000): pass"
    usage = gvisor.post({"code": code, "displays": False}, path="/v1/runs").json()["usage"]
    assert 50 <= usage["cpu_user_ms"] + usage["cpu_system_ms"] <= 2000 and usage["memory_peak_bytes"] > 1 << 20
