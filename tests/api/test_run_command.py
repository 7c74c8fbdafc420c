# SPDX-License-Identifier: Apache-2.0
"""`safexec run` against a real server: as if the program ran here."""
import os
import pty
import signal
import subprocess
import sys
import time

import harness
import pytest

SAFEXEC = harness.BUILD / "safexec"


@pytest.fixture
def run(server, tmp_path):
    def start(code, *options, args=(), **more):
        (tmp_path / "x.py").write_text(code)
        command = [SAFEXEC, "run", "--server", f"127.0.0.1:{server.port}", *options, "x.py", *args]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=40, cwd=tmp_path, **more)

    return start


@pytest.mark.parametrize("code, args", [
    ("print('hé'); import sys; print('err', file=sys.stderr)", []),
    ("import sys; print(sys.argv[1:]); sys.exit(7)", ["a b", "--json", "-x"]),
    ("import os; os.kill(os.getpid(), 15)", []),
    ("raise SystemExit('bye')", []),
    ("1/0", []),
])
def test_it_is_as_python_would_have_it(run, tmp_path, code, args):
    ours = run(code, args=args)
    theirs = subprocess.run([sys.executable, "x.py", *args], capture_output=True, text=True, timeout=40, cwd=tmp_path)
    assert ours.stdout == theirs.stdout
    assert ours.returncode == (theirs.returncode if theirs.returncode >= 0 else 128 - theirs.returncode)
    if theirs.returncode >= 0:
        assert ours.stderr == theirs.stderr.replace(str(tmp_path), "/app").replace("x.py", "script.py")


def test_a_program_that_fails_for_want_of_a_call_hears_of_it(run):
    result = run("import ctypes\nctypes.CDLL(None).ptrace(0)\nraise SystemExit(3)")
    assert (result.stderr, result.returncode) == ("safexec run: Exited with status 3. The sandbox refused ptrace (1 time).\n", 3)


def test_streams_are_shown_as_they_come(server, tmp_path):
    (tmp_path / "x.py").write_text("import time\nprint('first', flush=True)\ntime.sleep(1)\nprint('second')")
    began = time.monotonic()
    with subprocess.Popen([SAFEXEC, "run", "--server", f"127.0.0.1:{server.port}", tmp_path / "x.py"], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"first\n" and time.monotonic() - began < 0.9
        assert process.stdout.readline() == b"second\n" and time.monotonic() - began >= 1
    assert process.returncode == 0


def test_files_input_and_limits_arrive(run, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/in.csv").write_text("1,2\n")
    (tmp_path / "question").write_text("6\n")
    result = run("print(open('data/in.csv').read(), int(input()) * 7)", "--file", "data/in.csv", "--stdin", "question")
    assert (result.stdout, result.returncode) == ("1,2\n 42\n", 0)
    result = run("import time; time.sleep(9)", "--limit", "wall_ms=300")
    assert (result.stderr, result.returncode) == ("safexec run: Execution timed out after 0.3 seconds.\n", 124)
    result = run("", "--limit", "wall_ms=1")
    assert (result.stderr, result.returncode) == ("safexec run: limits.wall_ms is 1; it must be from 10 to 60000.\n", 125)


def test_interrupting_it_ends_the_run(server, tmp_path):
    (tmp_path / "x.py").write_text("import ctypes; ctypes.CDLL(None).prctl(15, b'left-by-ctrl-c')\nprint(1, flush=True)\nwhile True: pass")
    with subprocess.Popen([SAFEXEC, "run", "--server", f"127.0.0.1:{server.port}", tmp_path / "x.py"], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        guest, = [p for p in server.processes() if p.comm == "left-by-ctrl-c"]
        process.send_signal(signal.SIGINT)
    harness.wait_until(lambda: not guest.is_alive(), 5, "the guest is dead")
    assert process.returncode == -signal.SIGINT


def test_a_terminal_sees_a_spinner_until_something_is_printed(server, tmp_path):
    (tmp_path / "x.py").write_text("import time; time.sleep(1); print('done')")
    ours, theirs = pty.openpty()
    result = subprocess.run([SAFEXEC, "run", "--server", f"127.0.0.1:{server.port}", tmp_path / "x.py"], stdout=subprocess.PIPE, stderr=theirs, timeout=40)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert result.stdout == b"done\n" and " running, 0." in shown and "\r\033[K" in shown and "ok in 1." in shown


def test_the_transcript_in_the_docs_is_what_is_seen():
    result = subprocess.run([harness.ROOT / "script/cli-transcript", "--check"], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
