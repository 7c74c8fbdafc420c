# SPDX-License-Identifier: Apache-2.0
"""A real server for tests, and what can be seen of it from outside: its processes, descriptors, mounts and cgroups."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest
import requests

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = (ROOT / os.environ.get("SAFEXEC_BUILD", "build")).resolve()
JSON = {"Content-Type": "application/json"}
SECRET = "s3cr3t-of-the-server"  # in the environment of every server that a test starts
SLOW = float(os.environ.get("SAFEXEC_TEST_SLOW", "1"))  # how much slower than the hardware that the times are for: tests/vm
CONFIG = os.environ.get("SAFEXEC_TEST_CONFIG")  # what every server is started with
START_S, STOP_S = 20 * SLOW, 30 * SLOW


def wait_until(is_true, seconds, what):
    """Waits for an event that cannot be waited for otherwise; returns what is_true returned."""
    deadline = time.monotonic() + seconds * SLOW
    while True:
        value = is_true()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def read_text(path):
    """A file of /proc, or '' when its process has just gone."""
    try:
        return pathlib.Path(path).read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


class Process:
    """A process that is told apart from a later one with the same number."""

    def __init__(self, pid):
        self.pid = pid
        self.stat = read_text(f"/proc/{pid}/stat").rpartition(")")[2].split()
        self.comm = read_text(f"/proc/{pid}/comm").strip()
        self.cmdline = read_text(f"/proc/{pid}/cmdline").replace("\0", " ").strip()

    parent = property(lambda self: int(self.stat[1]) if self.stat else 0)
    started = property(lambda self: self.stat[19] if self.stat else "")
    state = property(lambda self: self.stat[0] if self.stat else "")

    @property
    def uid(self):
        found = re.search(r"^Uid:\s+(\d+)", read_text(f"/proc/{self.pid}/status"), re.M)
        return int(found[1]) if found else None

    def is_alive(self):
        now = Process(self.pid)
        return now.started == self.started != "" and now.state != "Z"

    def descriptors(self):
        with contextlib.suppress(OSError):
            return sorted(os.listdir(f"/proc/{self.pid}/fd"), key=int)
        return []

    def __repr__(self):
        return f"{self.pid} {self.comm} ({self.cmdline or self.state}) of {self.parent}"


def all_processes():
    return [p for p in (Process(int(name)) for name in os.listdir("/proc") if name.isdigit()) if p.stat]


def descendants(pid):
    """The process and all that it started, zombies included, parents first."""
    children = {}
    for process in all_processes():
        children.setdefault(process.parent, []).append(process)
    found = [Process(pid)]
    for process in found:
        found += children.get(process.pid, [])
    return [p for p in found if p.stat]


def mounts_of(name):
    return [line for line in read_text("/proc/self/mountinfo").splitlines() if name in line]


def cgroups_of(name):
    return [path for path, _, _ in os.walk("/sys/fs/cgroup") if name in path]


def files_of(name):
    """Where a server might leave something: sockets, locks, folders that bear its name."""
    places = ("/run", "/tmp", "/var/tmp", "/dev/shm", "/var/lib", "/run/lock")
    return [f"{place}/{entry}" for place in places if os.path.isdir(place) for entry in os.listdir(place) if name in entry]


def traces_of(name):
    return mounts_of(name) + cgroups_of(name) + files_of(name)


def need_root():
    """A sandbox is made by root. Without it nothing is known: a skip that says so, and a failure where skips would hide it."""
    if os.geteuid() == 0:
        return
    if os.environ.get("CI") == "true":
        pytest.fail("not root: the sandbox cannot be tested, and in CI it must be")
    pytest.skip("NOT TESTED: the sandbox needs root; run the tests with sudo")


class Server:
    """`safexec serve` on a free port of the loopback; every server has a name of its own, so that traces tell whose they are."""

    count = 0

    def __init__(self, *options, name=None, program=None, **popen):
        Server.count += 1
        self.name = name or f"test-{os.getpid()}-{Server.count:03}"
        self.log_file = tempfile.NamedTemporaryFile(prefix="server-log-", suffix=".txt")
        self.options = options
        self.state = tempfile.TemporaryDirectory(prefix="server-state-")
        command = [str(program or BUILD / "safexec"), "serve", "--listen", "127.0.0.1:0", "--name", self.name, "--state", self.state.name,
                   *options]
        environment = {**os.environ, "SAFEXEC_TEST_SECRET": SECRET, "AWS_SECRET_ACCESS_KEY": SECRET}
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log_file, text=True, env=environment, **popen
        )
        self.pid, self.url, self.port = self.process.pid, None, None

    def wait_listening(self):
        timer = threading.Timer(START_S, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        found = re.fullmatch(r"Listening on (http://127\.0\.0\.1:(\d+))/\n", line)
        assert found, f"the first line of stdout is {line!r}; the log: {self.log()}"
        self.url, self.port = found[1], int(found[2])
        return self

    def wait_ready(self):
        self.wait_listening()
        result = self.run("print(2+2)", timeout=START_S)
        assert result == {"success": True, "output": "4\n"}, f"{result}; the log: {self.log()}"
        return self

    def log(self):
        return pathlib.Path(self.log_file.name).read_text(errors="replace")

    def post(self, body, headers=JSON, timeout=40, path="/run", session=None):
        """Sends body (bytes, or anything that JSON can say) and returns requests' response."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        with contextlib.ExitStack() as stack:
            session = session or stack.enter_context(requests.Session())
            session.trust_env = False
            return session.post(self.url + path, data=data, headers=headers, timeout=timeout * SLOW)

    def run(self, code, timeout=40, session=None, **body):
        response = self.post({"code": code, **body}, timeout=timeout, session=session)
        assert response.status_code == 200, f"{response.status_code} {response.text}; the log: {self.log()}"
        return response.json()

    def processes(self):
        return descendants(self.pid)

    def find(self, comm):
        """The server's processes of that name (as ps shows it)."""
        return [p for p in self.processes() if p.comm == comm[:15] and p.state != "Z"]

    def stop(self):
        """SIGTERM, status 0, and nothing left."""
        if self.process.poll() is None:
            before = self.processes()
            self.process.send_signal(signal.SIGTERM)
            try:
                status = self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"no end {STOP_S} s after SIGTERM; the log: {self.log()}") from None
            left = [p for p in before if p.is_alive()]
            traces = traces_of(self.name)
            assert (status, left, traces) == (
                0,
                [],
                [],
            ), f"{self.name}: status {status}, left {left} {traces}; the log: {self.log()}"
        self.process.stdout.close()

    def kill(self):
        """Ends it the hard way, for tests that have failed."""
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        self.process.wait(STOP_S)


def processes_with(marker):
    """All processes of the machine that name the marker on their command line or as their name."""
    return [
        p for p in all_processes() if (marker in p.cmdline or marker[:15] == p.comm) and p.state != "Z" and p.pid != os.getpid()
    ]


@contextlib.contextmanager
def leaving(server, body, accept="application/json", path="/v1/runs"):
    """A client that has asked and does not wait for the answer: yields what closes its connection."""
    data = json.dumps(body).encode()
    client = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: {accept}\r\nContent-Length: {len(data)}\r\n\r\n"
    client.sendall(head.encode() + data)
    yield client.close
    client.close()
