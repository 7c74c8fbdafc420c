# SPDX-License-Identifier: Apache-2.0
"""Bad surroundings: what is missing is said in one sentence and leaves nothing; what dies comes back; what ends leaves nothing."""

import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import harness
import pytest
import requests

BACK_S = 10  # at most, from a kill to the next answer
OK = {"success": True, "output": "1\n"}


def serve(*options, program=None, **more):
    """A start that is expected to fail: its status and what it said."""
    program = program or harness.BUILD / "safexec"
    listen = () if "--listen" in options else ("--listen", "127.0.0.1:0")
    r = subprocess.run(
        [program, "serve", *listen, *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, **more
    )
    return r.returncode, r.stdout, r.stderr


def check_refusal(result, status, *words):
    """One line on stderr that holds the words, nothing on stdout."""
    got, stdout, stderr = result
    assert (got, stdout) == (status, ""), result
    lines = stderr.splitlines()
    assert len(lines) == 1 and all(word in lines[0] for word in words), result


def run_until_it_works(server):
    """Asks until the service is back; each answer on the way must be one that says so."""

    def ask():
        try:
            response = server.post({"code": "print(1)"}, timeout=BACK_S)
        except requests.ConnectionError:
            return False
        assert response.status_code in (200, 500, 503), response.text
        return response.status_code == 200 and response.json() == OK

    harness.wait_until(ask, BACK_S, f"the service is back; the log: {server.log()}")


@contextlib.contextmanager
def a_run(server, seconds, output="done"):
    """A run of that many seconds in the background, which has begun; gives the future of its response."""
    mark = f"run{time.monotonic_ns()}"[-15:]
    code = f"import ctypes, time; ctypes.CDLL(None).prctl(15, b'{mark}'); time.sleep({seconds}); print('{output}')"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = pool.submit(server.post, {"code": code})
        guests = harness.wait_until(lambda: [p for p in server.processes() if p.comm == mark], 5, "the run has begun")
        future.guest = guests[0]
        yield future


@pytest.fixture
def fresh(start_server):
    """A server that the test may hurt."""
    server = start_server()
    yield server
    server.stop()


@contextlib.contextmanager
def readable_folder():
    """A new folder that other users may read, unlike those of mkdtemp(3)."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield folder


# --- it cannot start ------------------------------------------------------------------------------------------------------


def test_a_port_in_use_is_said_in_one_sentence(server):
    name = f"test-{os.getpid()}-port"
    check_refusal(serve("--listen", f"127.0.0.1:{server.port}", "--name", name), 1, f"127.0.0.1:{server.port}", "in use")
    assert harness.traces_of(name) == [] and server.run("print(1)") == OK


def test_a_second_server_of_the_same_name_is_refused_and_the_first_goes_on(server):
    status, stdout, stderr = serve("--name", server.name)
    assert status not in (0, 2) and stdout == "" and len(stderr.splitlines()) == 1 and server.name in stderr, (
        status,
        stdout,
        stderr,
    )
    assert server.run("print(1)") == OK


def test_a_second_server_of_another_name_runs_beside(server, start_server):
    second = start_server()
    assert second.run("print(1)") == server.run("print(1)") == OK
    second.stop()
    assert server.run("print(1)") == OK


CANNOT = [
    ("python missing", ("--python", "/nonexistent/python3"), 3, ("/nonexistent/python3",)),
    ("python no program", ("--python", "/etc/passwd"), 3, ("/etc/passwd",)),
    ("root missing", ("--root", "/nonexistent/root"), 3, ("/nonexistent/root",)),
    ("root a file", ("--root", "/etc/passwd"), 3, ("/etc/passwd",)),
    ("root empty", ("--root", "@EMPTY@"), 3, ("python3",)),
]


@pytest.mark.parametrize("options, status, words", [row[1:] for row in CANNOT], ids=[row[0] for row in CANNOT])
def test_what_is_missing_is_said_in_one_sentence(start_server, options, status, words):
    name = f"test-{os.getpid()}-missing"
    with readable_folder() as folder:
        options = [folder if option == "@EMPTY@" else option for option in options]
        check_refusal(serve("--name", name, *options), status, *words)
    harness.wait_until(lambda: not harness.processes_with(name), 3, "no process is left")
    assert harness.traces_of(name) == []


def test_without_root_one_sentence_says_what_to_do(start_server):
    with readable_folder() as folder:
        for name in ("safexec", "safexecd", "safexec-warden", "_zygote.abi3.so", "sitecustomize.py"):
            for source in (harness.BUILD / name, *harness.BUILD.glob(f"src/**/{name}")):
                if source.exists():
                    shutil.copy(source, folder)
        status, stdout, stderr = serve(
            "--name", "test-nobody", program=pathlib.Path(folder, "safexec"), user=65534, group=65534, extra_groups=[]
        )
    check_refusal((status, stdout, stderr), 3, "root")


def test_without_cgroups_one_sentence_says_so(start_server):
    name = f"test-{os.getpid()}-cgroups"
    command = f"mount -t tmpfs none /sys/fs/cgroup && exec {harness.BUILD}/safexec serve --listen 127.0.0.1:0 --name {name}"
    r = subprocess.run(
        ["unshare", "-m", "--propagation", "private", "sh", "-c", command], capture_output=True, text=True, timeout=30
    )
    check_refusal((r.returncode, r.stdout, r.stderr), 3, "cgroup")


def copy_environment(folder):
    """A root filesystem with python3 and what it loads; no shell, no /etc."""
    python = os.path.realpath("/usr/bin/python3")
    loaded = subprocess.check_output(["ldd", python], text=True)
    library = pathlib.Path(
        subprocess.check_output([python, "-c", "import os; print(os.path.dirname(os.__file__))"], text=True).strip()
    )
    for path in {python, *(word for word in loaded.split() if word.startswith("/"))}:
        target = pathlib.Path(folder + path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    shutil.copytree(
        library, folder + str(library), ignore=shutil.ignore_patterns("test", "__pycache__", "dist-packages", "config-*")
    )
    pathlib.Path(folder, "usr/bin/python3").symlink_to(python)
    pathlib.Path(folder, "marker").write_text("an environment of its own")


def test_a_root_directory_of_ones_own_serves(start_server):
    with readable_folder() as folder:
        copy_environment(folder)
        server = start_server("--root", folder, "--slots", "2")
        code = "import os\nprint(open('/marker').read(), os.path.exists('/bin/sh'), os.path.exists('/usr/share'))\nopen('/app/x', 'w')\nopen('/usr/x', 'w')"
        answer = server.run(code)
        assert answer["output"] == "an environment of its own False False\n"
        assert answer["error"].endswith("OSError: [Errno 30] Read-only file system: '/usr/x'\n")
        server.stop()


BAD_OPTIONS = [
    ("--nothing",),
    ("--slots", "0"),
    ("--slots", "x"),
    ("--slots", "-1"),
    ("--slots", "1001"),
    ("--slots", ""),
    ("--slots", "4 "),
    ("--idle", "0"),
    ("--queue", "99999999999999999999"),
    ("--queue-ms", "0"),
    ("--listen", "5000"),
    ("--listen", "127.0.0.1:65536"),
    ("--listen", "127.0.0.1:"),
    ("--listen", "localhost:5000"),
    ("--listen", "0.0.0.0:5000"),
    ("--listen", "[::]:5000"),
    ("--name", "../x"),
    ("--name", ""),
    ("--name", "x" * 100),
    ("--root", "relative"),
    ("--python", "python3"),
    ("stray",),
    ("--slots",),
]


@pytest.mark.parametrize("options", BAD_OPTIONS, ids=" ".join)
def test_a_wrong_command_line_is_status_2(start_server, options):
    status, stdout, stderr = serve(*options)
    assert (status, stdout) == (2, "") and len(stderr.splitlines()) <= 2 and stderr, (status, stdout, stderr)


# --- it ends ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_polite_end_finishes_what_runs_and_leaves_nothing(start_server, number):
    server = start_server()
    with a_run(server, 2) as future:
        before = server.processes()
        server.process.send_signal(number)
        assert future.result().json() == {"success": True, "output": "done\n"}
    assert server.process.wait(harness.STOP_S) == 0
    assert [p for p in before if p.is_alive()] == [] and harness.traces_of(server.name) == []


def test_while_it_ends_new_requests_are_refused(start_server):
    server = start_server()
    with a_run(server, 2) as future:
        server.process.send_signal(signal.SIGTERM)

        def is_refusing():
            try:
                return server.post({"code": "print(1)"}, timeout=5).status_code == 503
            except requests.ConnectionError:
                return True

        harness.wait_until(is_refusing, 1.5, "a new request is refused")
        assert future.result().status_code == 200
    assert server.process.wait(harness.STOP_S) == 0


def test_a_second_signal_ends_it_at_once(start_server):
    server = start_server()
    before = server.processes()
    with a_run(server, 9) as future:
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)  # two signals of one kind would melt into one
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(3)
        with pytest.raises(requests.ConnectionError):
            future.result()
    harness.wait_until(lambda: not [p for p in before if p.is_alive()], 3, "no process is left")
    start_server(name=server.name).stop()  # sweeps what was left, and leaves nothing


def test_after_kill_9_of_everything_the_next_start_sweeps(start_server):
    server = start_server()
    with a_run(server, 9) as future:
        # The supervisor and the front first: a front that outlives its guest by a moment answers, and rightly.
        before = sorted(server.processes(), key=lambda p: (p.comm != "safexec", p.comm != "safexecd"))
        for process in before:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(requests.ConnectionError):
            future.result()
    server.process.wait()
    harness.wait_until(lambda: not [p for p in before if p.is_alive()], 3, "no process is left")
    second = start_server(name=server.name)
    assert second.run("print(1)") == OK
    second.stop()


def test_kill_9_of_the_supervisor_alone_ends_everything(start_server):
    server = start_server()
    before = server.processes()
    os.kill(server.pid, signal.SIGKILL)
    server.process.wait()
    harness.wait_until(lambda: not [p for p in before if p.is_alive()], 5, "no process is left")
    start_server(name=server.name).stop()


# --- parts of it die ----------------------------------------------------------------------------------------------------------


def kill_and_wait(process):
    os.kill(process.pid, signal.SIGKILL)
    harness.wait_until(lambda: not process.is_alive(), 3, f"the end of {process}")


def test_a_front_that_dies_is_replaced(fresh):
    old = fresh.find("safexecd")
    assert len(old) == 1
    kill_and_wait(old[0])
    run_until_it_works(fresh)
    new = fresh.find("safexecd")
    assert len(new) == 1 and new[0].pid != old[0].pid
    assert "safexecd" in fresh.log() and "SIGKILL" in fresh.log() or "signal 9" in fresh.log()


def test_runs_of_a_front_that_dies_are_cancelled(fresh):
    with a_run(fresh, 9) as future:
        kill_and_wait(fresh.find("safexecd")[0])
        with pytest.raises(requests.ConnectionError):
            future.result()
        harness.wait_until(lambda: not future.guest.is_alive(), 3, "the run whose front died is gone")
    run_until_it_works(fresh)


def main_warden(server):
    return next(p for p in server.find("safexec-warden") if p.parent == server.pid)


def test_a_warden_that_dies_takes_everything_with_it_and_is_replaced(fresh):
    with a_run(fresh, 9) as future:
        warden = main_warden(fresh)
        below = harness.descendants(warden.pid)[1:]
        assert len(below) >= 3
        kill_and_wait(warden)
        harness.wait_until(lambda: not [p for p in below if p.is_alive()], 3, "what the warden started is gone")
        with contextlib.suppress(requests.ConnectionError):
            assert future.result().status_code in (500, 503)
    run_until_it_works(fresh)
    assert "safexec-warden" in fresh.log()


def kinds_below_the_warden(server):
    """One process of each kind that the warden has made: by name and depth."""
    kinds, depth = {}, {main_warden(server).pid: 0}
    for process in harness.descendants(main_warden(server).pid)[1:]:
        depth[process.pid] = depth.get(process.parent, 0) + 1
        kinds.setdefault((process.comm, depth[process.pid]), process)
    return kinds


def test_whatever_dies_below_the_warden_is_replaced(fresh):
    kinds = sorted(kinds_below_the_warden(fresh))
    assert len(kinds) >= 3, kinds
    warden = main_warden(fresh).pid
    for kind in kinds:
        process = harness.wait_until(lambda: kinds_below_the_warden(fresh).get(kind), 5, f"there is {kind}")
        kill_and_wait(process)
        run_until_it_works(fresh)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert list(pool.map(fresh.run, ["print(1)"] * 16)) == [OK] * 16, f"after the end of {kind}"
        assert main_warden(fresh).pid == warden, f"the warden died with {kind}: {fresh.log()}"


def test_a_guest_killed_from_outside_is_answered_as_killed(server):
    with a_run(server, 9) as future:
        kill_and_wait(future.guest)
        assert future.result().json() == {"success": False, "error": "Killed by signal 9 (SIGKILL).", "output": ""}


def test_an_init_that_dies_is_a_fault_of_ours_and_says_that_the_program_may_have_run(fresh):
    with a_run(fresh, 9) as future:
        namespace = os.readlink(f"/proc/{future.guest.pid}/ns/pid")
        init = [p for p in fresh.find("safexec-init") if os.readlink(f"/proc/{p.pid}/ns/pid") == namespace]
        assert len(init) == 1
        kill_and_wait(init[0])
        response = future.result()
        assert response.status_code == 500 and response.json()["success"] is False and "may have run" in response.json()["error"]
    run_until_it_works(fresh)


def test_the_zygote_is_replaced_after_so_many_runs(start_server):
    server = start_server("--zygote-max-forks", "10", "--slots", "4")
    first = {p.pid for p in server.processes()}
    for i in range(40):
        assert server.run(f"print({i})") == {"success": True, "output": f"{i}\n"}
    harness.wait_until(lambda: "zygote" in server.log(), 5, "a new zygote, and a word about it")
    harness.wait_until(lambda: len([p for p in server.find("python3") if p.pid in first]) == 0, 10, "the old zygote is gone")
    server.stop()


def test_the_zygote_is_replaced_at_its_age_and_no_request_fails(start_server):
    server = start_server("--zygote-max-seconds", "1", "--slots", "2")
    replaced = lambda: server.log().count("a new zygote took over") >= 2
    asked = 0
    while asked < 20 or not replaced():
        assert server.run("print(1)") == OK, server.log()
        asked += 1
        assert asked < 5000, server.log()
    server.stop()


def test_from_start_to_first_answer_takes_less_than_three_seconds(start_server):
    begin = time.monotonic()
    start_server()
    assert time.monotonic() - begin < 3
