# SPDX-License-Identifier: Apache-2.0
"""The table of POST /run on the Docker provider, in both profiles: the very rows that the native provider passes, and those that differ,
each with its reason."""

import pathlib
import sys

import harness
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "api"))
import test_run as native  # noqa: E402

ok, failed = native.ok, native.failed

# What the original profile answers where it differs. In it Python is process 1 of its pid namespace, and the kernel drops a signal that
# process 1 sends to itself unless it has a handler (pid_namespaces(7)); the program goes on, and ends well.
DIFFERENT_ENDINGS = {
    "SIGSEGV": ok(""),
    "SIGKILL": ok(""),
    "SIGTERM after words": ok("y"),
    "a real-time signal": ok(""),
}


@pytest.mark.parametrize("name, code, answer", native.ENDINGS, ids=[row[0] for row in native.ENDINGS])
def test_a_program_that_ends_is_answered(docker, profile, name, code, answer):
    assert docker.run(code) == (DIFFERENT_ENDINGS.get(name, answer) if profile == "original" else answer)


SAME = [
    native.test_the_answer_is_json_and_says_so,
    native.test_an_exception_gives_its_traceback,
    native.test_memory_below_the_limit_is_there_to_use,
    native.test_stdout_past_the_limit_ends_the_program_at_once,
    native.test_stderr_past_the_limit_ends_the_program_at_once,
    native.test_an_endless_flood_is_cut_at_the_limit,
    native.test_a_character_cut_by_the_limit_becomes_one_replacement,
    native.test_read_only_is_off_unless_asked_for,
    native.test_a_read_only_program_reads_and_computes,
    native.test_every_character_goes_in_and_comes_out,
    native.test_nul_and_controls_come_out_as_they_are,
    native.test_output_cannot_forge_an_answer,
    native.test_a_client_that_goes_away_cancels_its_run,
    native.test_neither_code_nor_output_is_logged,
]


@pytest.mark.parametrize("check", SAME, ids=lambda check: check.__name__)
def test_what_holds_for_the_native_provider_holds_here(docker, check):
    check(docker)


@pytest.mark.parametrize("code", ['"a" * 1000000000', "x = []\nwhile True: x.append(bytearray(1 << 20))"], ids=["at once", "bit by bit"])
def test_memory_limit(docker, code):
    native.test_memory_limit(docker, code)


@pytest.mark.parametrize("size", [native.MIB - 1, native.MIB])
def test_output_up_to_the_limit_is_whole(docker, size):
    native.test_output_up_to_the_limit_is_whole(docker, size)


@pytest.mark.parametrize("path", ["/app/x", "/tmp/x", "x", "/app/script.py"])
def test_read_only_refuses_writes_with_errno_30(docker, path):
    native.test_read_only_refuses_writes_with_errno_30(docker, path)


@pytest.mark.parametrize("length", [5000, 5001])
def test_the_length_of_the_code(docker, length):
    response = docker.post({"code": "#" * length})
    assert response.status_code == (200 if length == 5000 else 400)


@pytest.mark.parametrize("name, body, word", native.REFUSED[:6] + native.REFUSED[-2:], ids=lambda value: value if isinstance(value, str) else "")
def test_a_wrong_body_is_refused_by_the_front_as_ever(docker, name, body, word):
    native.test_a_wrong_body_is_refused_in_words(docker, body, word)


def test_wall_time_ends_a_busy_program_with_all_its_processes(docker):
    native.test_wall_time_ends_a_busy_program_with_all_its_processes(docker)


def test_the_process_limit_is_named_when_the_program_fails_for_it(docker):
    code = """
import os, signal
children = 0
try:
    while True:
        if os.fork() == 0:
            signal.pause()
        children += 1
except BlockingIOError:
    os.write(1, str(children).encode())
    os._exit(1)
"""
    assert docker.run(code) == failed("Process limit of 64 reached.", "63")


def test_the_disk_limit(docker, profile):
    if profile == "hardened":
        native.test_the_disk_limit_shows_as_the_programs_own_error(docker)
    else:  # a bound folder has no limit: one of the holes that the hardened profile closes
        assert docker.run("with open('big', 'wb') as f:\n    for _ in range(20): f.write(bytes(1 << 20))") == ok("")


def test_24_requests_at_once_all_get_their_answer(servers):
    native.test_24_requests_at_once_all_get_their_answer(servers("hardened"))


def test_run_after_run_knows_nothing_of_the_one_before(docker):
    for i in range(3):
        code = f"import os, sys; print({i}, os.listdir('/app'), os.listdir('/tmp')); open('/app/left', 'w'); open('/tmp/left', 'w')"
        assert docker.run(code) == ok(f"{i} ['script.py'] []\n")


def test_the_programs_input_is_empty(docker):
    assert docker.run("import sys; print(repr(sys.stdin.read()))") == ok("''\n")


def test_a_program_that_closes_its_streams_runs_to_its_end(docker):
    with native.timed(1, 6):
        assert docker.run("import os, time; os.close(1); os.close(2); time.sleep(1); os._exit(7)") == failed("Exited with status 7.")


def test_output_in_both_streams_arrives_whole(docker):
    code = """
import os, sys, threading
def write(fd, byte):
    for _ in range(100):
        os.write(fd, byte * 5000)
threads = [threading.Thread(target=write, args=row) for row in ((1, b"o"), (2, b"e"))]
for t in threads: t.start()
for t in threads: t.join()
sys.exit(1)
"""
    assert docker.run(code) == failed("e" * 500000, "o" * 500000)


def test_the_native_provider_answers_the_same_with_the_same_words(server, docker):
    """Beside the table: both are asked, so that a change of either shows."""
    rows = ["print('x' * 5)", "1/0", "import sys; sys.exit('why')", "raise SystemExit(3)", "'a' * 10**9", "while True: print('y' * 100)",
            "def f(:", "import nothing_like_it", "print(__file__, __name__)"]
    assert [docker.run(code) for code in rows] == [server.run(code) for code in rows]


def test_cells_are_told_apart_by_environment_and_name(docker, profile):
    assert harness.wait_until(lambda: docker.find("safexec-docker"), 5, "the provider runs")
    assert not docker.find("safexec-warden")
