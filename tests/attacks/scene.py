# SPDX-License-Identifier: Apache-2.0
"""The scene of an attack: baits on the host, which an attack would reach if its layer were missing, and a run beside."""

import contextlib
import ctypes
import http.client
import itertools
import json
import os
import pathlib
import shutil
import socket
import subprocess
import textwrap

import harness

SHM_KEY, QUEUE = 0x5AFEBA17, b"safexec-test-bait"
IPC_CREAT, IPC_RMID = 0o1000, 0
_marks = itertools.count(1)
_libc = ctypes.CDLL(None, use_errno=True)

NEIGHBOUR = textwrap.dedent(
    """
    import ctypes, fcntl, os, socket, time
    libc = ctypes.CDLL(None)
    for d in ("/app", "/tmp", "/dev/shm"):
        with open(d + "/neighbour-secret", "w") as f:
            f.write("secret")
    s = socket.socket(socket.AF_UNIX)
    s.bind("\\0neighbour-socket")
    s.listen()
    t = socket.create_server(("127.0.0.1", 4321))
    libc.shmget(0x5afe, 4096, 0o1666), libc.semget(0x5afe, 1, 0o1666), libc.msgget(0x5afe, 0o1666)
    libc.syscall(240, b"neighbour", os.O_CREAT | os.O_RDWR, 0o666, None)
    lock = open("/usr/lib/os-release")
    fcntl.flock(lock, fcntl.LOCK_EX)
    libc.prctl(15, b"@MARK@")
    os.fork()
    while True:
        with open("/usr/lib/os-release"):
            time.sleep(0.05)
"""
)


def new_mark():
    """A name for processes, at most 15 bytes long."""
    return f"atk{os.getpid() % 100000}x{next(_marks)}"


@contextlib.contextmanager
def baits(server):
    """Lays them out and yields what the @NAMES@ in attacks stand for."""
    folder = pathlib.Path(f"/var/tmp/safexec-bait-{os.getpid()}")
    abstract = f"safexec-bait-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        folder.mkdir(mode=0o755)
        stack.callback(shutil.rmtree, folder)
        (folder / "readable").write_text("a file that everybody may read\n")
        port = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        for address in ("\0" + abstract, str(folder / "socket")):
            bait = stack.enter_context(socket.socket(socket.AF_UNIX))
            bait.bind(address)
            bait.listen()
        os.chmod(folder / "socket", 0o777)
        segment = _libc.shmget(SHM_KEY, 4096, IPC_CREAT | 0o666)
        stack.callback(_libc.shmctl, segment, IPC_RMID, None)
        queue = _libc.syscall(240, QUEUE, os.O_CREAT | os.O_RDWR, 0o666, None)  # mq_open
        stack.callback(_libc.syscall, 241, QUEUE)  # mq_unlink
        assert segment >= 0 and queue >= 0, "the baits cannot be laid out"
        victim = stack.enter_context(subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL))
        stack.callback(victim.kill)
        yield {
            "BAIT": folder / "readable",
            "BAIT_SOCKET": folder / "socket",
            "BAIT_PORT": port.getsockname()[1],
            "ABSTRACT": abstract,
            "SHM_KEY": SHM_KEY,
            "MQ": QUEUE.decode(),
            "VICTIM": victim.pid,
            "SERVER_PID": server.pid,
            "PORT": server.port,
            "SOURCE": harness.ROOT / "meson.build",
            "BINARY": harness.BUILD / "safexec",
            "HOSTNAME": socket.gethostname(),
            "SECRET": harness.SECRET[::-1],
        }
        os.close(queue)
        assert victim.poll() is None, "an attack has killed a process of the host"


@contextlib.contextmanager
def neighbour(server):
    """A run that lays out baits of its own, beside whatever happens meanwhile; it must live through it."""
    mark = new_mark()
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("POST", "/run", json.dumps({"code": NEIGHBOUR.replace("@MARK@", mark)}), harness.JSON)
    with contextlib.closing(connection):
        processes = harness.wait_until(lambda: len(found := harness.processes_with(mark)) == 2 and found, 8, "a run beside")
        yield
        assert all(p.is_alive() for p in processes), "the run beside did not live through the attack"
    harness.wait_until(lambda: not harness.processes_with(mark), 5, "the end of the run whose client has gone")
