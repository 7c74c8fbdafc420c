# SPDX-License-Identifier: Apache-2.0
"""The supervisor under a service manager: readiness, the watchdog, sockets that are handed over or are paths."""
import os
import signal
import socket
import subprocess
import tempfile

import pytest

from cli_stage import WAIT_S, reload, safexec


@pytest.fixture
def manager():
    """The socket that a service manager listens on, as sd_notify(3) says."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, tempfile.TemporaryDirectory(prefix="safexec-") as folder:
        manager.bind(f"{folder}/notify")
        manager.settimeout(WAIT_S)
        yield manager


def wait_notified(manager, line):
    while line not in (text := manager.recv(4096).decode()):
        pass
    return text


def test_readiness_is_told_when_a_ping_was_answered_and_the_end_too(stage, manager):
    stage.serve(env={**os.environ, "NOTIFY_SOCKET": manager.getsockname()})
    stage.wait_serving()
    assert wait_notified(manager, "READY=1").startswith("READY=1\nSTATUS=Serves on 127.0.0.1:")
    stage.process.send_signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in wait_notified(manager, "RELOADING=1")
    wait_notified(manager, "READY=1")
    stage.process.send_signal(signal.SIGTERM)
    wait_notified(manager, "STOPPING=1")
    assert stage.end()[0] == 0


def test_the_watchdog_is_told_again_and_again_while_the_server_answers_and_not_when_it_does_not(stage, manager):
    stage.serve(env={**os.environ, "NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "1000000"})
    _, front = stage.wait_serving()
    wait_notified(manager, "READY=1")
    for _ in range(3):
        wait_notified(manager, "WATCHDOG=1")
    os.kill(front["pid"], signal.SIGSTOP)
    manager.settimeout(2)
    with pytest.raises(TimeoutError):
        while True:  # what was under way
            manager.recv(4096)


def test_a_socket_that_is_handed_over_is_served(stage, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "http"))
        listener.listen()
        script = 'exec 3<&"$0"; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
        stage.process = subprocess.Popen(
            ["bash", "-c", script, str(listener.fileno()), stage.folder / "safexec", "serve"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, pass_fds=[listener.fileno()])
        _, front = stage.wait_serving()
        assert stage.process.stdout.readline() == f"Listening on unix:{tmp_path}/http\n"
        assert front["args"][:2] == ["--queue", "64"] or "--listen-name" in front["args"]
        reload(stage, front)
        stage.process.send_signal(signal.SIGTERM)
        assert stage.end()[0] == 0
    assert (tmp_path / "http").exists(), "it is not ours to remove"


def test_what_is_handed_over_and_is_no_listening_socket_is_refused(stage):
    script = 'exec 3</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" serve'
    r = subprocess.run(["bash", "-c", script, stage.folder / "safexec"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WAIT_S)
    assert (r.returncode, r.stdout) == (1, "") and r.stderr.startswith("safexec: The descriptor handed over is no socket")


def test_two_sockets_are_one_too_many(stage):
    script = 'LISTEN_FDS=2 LISTEN_PID=$$ exec "$0" serve'
    r = subprocess.run(["bash", "-c", script, stage.folder / "safexec"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WAIT_S)
    assert (r.returncode, r.stdout) == (1, "") and r.stderr.startswith("safexec: 2 sockets were handed over")


def test_a_path_is_listened_on_for_owner_and_group_and_removed_in_the_end(stage, tmp_path):
    path = tmp_path / "http"
    for left in (False, True):  # the second time over what a killed server left
        stage.process = subprocess.Popen([stage.folder / "safexec", "serve", "--listen", f"unix:{path}"], stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        stage.wait_serving()
        assert stage.process.stdout.readline() == f"Listening on unix:{path}\n"
        assert path.stat().st_mode & 0o777 == 0o660
        r = safexec("ping", "--server", f"unix:{path}")
        assert r.returncode == 1 and "did not run a program" in r.stderr, "the stand-in says hello"
        if left:
            stage.process.send_signal(signal.SIGTERM)
            assert stage.end() == (0, "")
        else:
            stage.process.kill()
            stage.end()
    assert not path.exists()


def test_a_path_that_is_in_use_or_no_socket_is_left_alone(stage, tmp_path):
    (tmp_path / "file").write_text("mine")
    r = safexec("serve", "--listen", f"unix:{tmp_path}/file")
    assert r.returncode == 1 and "is in use, or is no socket" in r.stderr
    assert (tmp_path / "file").read_text() == "mine"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "http"))
        listener.listen()
        r = safexec("serve", "--listen", f"unix:{tmp_path}/http")
        assert r.returncode == 1 and "is in use, or is no socket" in r.stderr
        assert (tmp_path / "http").exists()
