# SPDX-License-Identifier: Apache-2.0
"""What the tests inside of the virtual machine share: how slow it is, a line a check, what lives and what is left, a server."""

import contextlib
import http.client
import json
import os
import pathlib
import select
import signal
import subprocess
import time
import traceback

SLOW = 20  # how much slower than the hardware the emulated machine may be; every time of every test here is for hardware
START_S, STOP_S, ANSWER_S, LEAVE_S = 3, 2, 3, 1
HERE = pathlib.Path(__file__).resolve().parent
SAFEXEC = "/usr/bin/safexec"
PROGRAMS = pathlib.Path("/usr/libexec/safexec")
CGROUPS = pathlib.Path("/sys/fs/cgroup")

faults = []


@contextlib.contextmanager
def check(name):
    """One line: what was checked, how long it took, and what was wrong. The next check goes on."""
    begin = time.monotonic()
    try:
        yield
        print(f"ok    {name} ({time.monotonic() - begin:.1f} s)", flush=True)
    except Exception as error:  # whatever it is, it is this check's fault
        faults.append(name)
        where = traceback.extract_tb(error.__traceback__)[-1]
        print(f"FAIL  {name}: {type(error).__name__}: {error} ({pathlib.Path(where.filename).name}:{where.lineno}: {where.line})"[:2000], flush=True)


def wait_until(is_true, seconds, what):
    """Says now and then that it waits: whoever watches the console ends a machine that is silent for two minutes."""
    begin, said = time.monotonic(), 0
    while not is_true():
        waited = time.monotonic() - begin
        assert waited < seconds * SLOW, f"not within {seconds * SLOW} s: {what}"
        if waited // 30 > said:
            said = waited // 30
            print(f"      ... {waited:.0f} s", flush=True)
        time.sleep(0.1)


def processes():
    """pid and name of each of ours; the zygote and the guests are python3 with the file name that guests have."""
    found = {}
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            pid, comm = int(entry), pathlib.Path(f"/proc/{entry}/comm").read_text().strip()
            words = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
            if comm.startswith("safexec") or words[:2] == [b"python3", b"script.py"]:
                found[pid] = comm
    return found


def cgroups():
    return [path for path, _, _ in os.walk(CGROUPS) if "/safexec-" in path]


def ask(port, body):
    """POST /run on the loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10 + ANSWER_S * SLOW)
    with contextlib.closing(connection):
        connection.request("POST", "/run", json.dumps(body), {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())


def call(*command, status=0, seconds=START_S, **more):
    """Runs a command and returns what it printed, both streams in one; its status must be that one (None: any)."""
    r = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds * SLOW, **more
    )
    assert status is None or r.returncode == status, f"{' '.join(map(str, command))}: status {r.returncode}: {r.stdout[-1500:]}"
    return r.stdout


def wait_aloud(process, seconds):
    """Its status; when it takes too long, it is killed."""
    try:
        wait_until(lambda: process.poll() is not None, seconds, "the end of a program")
    finally:
        process.kill()
    return process.wait()


def show(text):
    print("".join(f"      {line}\n" for line in text.splitlines()), end="", flush=True)


class Server:
    """`safexec serve`, started below the words of launcher."""

    def __init__(self, launcher=(), options=("--slots", "2", "--zygote-max-forks", "10")):
        command = [*launcher, SAFEXEC, "serve", "--listen", "127.0.0.1:0", *options]
        self.errors = open("/run/errors", "w+b")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors)
        readable, _, _ = select.select([self.process.stdout], [], [], START_S * SLOW)
        line = self.process.stdout.readline().decode() if readable else "nothing"
        assert line.startswith("Listening on http://"), f"it said {line!r} and {self.complaints()!r}"
        self.port = int(line.strip().strip("/").rpartition(":")[2])

    def complaints(self):
        self.errors.seek(0)
        return self.errors.read().decode()

    def run(self, body):
        return ask(self.port, body)

    def supervisor(self):
        (pid,) = [pid for pid, comm in processes().items() if comm == "safexec"]
        return pid

    def stop(self):
        os.kill(self.supervisor(), signal.SIGTERM)
        status = self.process.wait(STOP_S * SLOW)
        assert status == 0, f"status {status}, it said {self.complaints()!r}"

    def kill_everything(self):
        for pid in sorted(processes()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(STOP_S * SLOW)


def nothing_is_left():
    wait_until(lambda: not processes(), LEAVE_S, "its processes are gone")
    assert not cgroups(), f"left: {cgroups()}"
