# SPDX-License-Identifier: Apache-2.0
"""Runs in the virtual machine, as root, on nothing but Python: safexec on a stock Debian with cgroup version 2 alone. The
programs lie beside this file. Prints a line a check and ends with 0 when all held. Argument: the variant of the machine."""

import contextlib
import http.client
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

SLOW = 20  # how much slower than the hardware the emulated machine may be; every time below is for hardware
START_S, STOP_S, ANSWER_S, LEAVE_S = 3, 2, 3, 1
HERE = pathlib.Path(__file__).resolve().parent
SAFEXEC = str(HERE / "safexec")
CGROUPS = pathlib.Path("/sys/fs/cgroup")
PIDS = 64

FORKS = """
import os, time
children = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(1000)
        children += 1
except BlockingIOError:
    os.write(1, b"%d\\n" % children)
os._exit(0)
"""

SHARE = """
import time
wall, cpu = time.monotonic(), time.process_time()
while time.monotonic() - wall < 3:
    pass
share = (time.process_time() - cpu) / (time.monotonic() - wall)
print("half of a CPU" if share < 0.65 else share)
"""
ORPHAN = """
import os
if os.fork() == 0:
    os.setsid()
    while True:
        pass
print("left it")
"""


def failed(error, output=""):
    return {"success": False, "error": error, "output": output}


def ok(output):
    return {"success": True, "output": output}


TABLE = [
    ("a result", {"code": "print(2+2)"}, ok("4\n")),
    ("an exception", {"code": "1/0"}, "ZeroDivisionError: division by zero"),
    ("wall time", {"code": "import time; time.sleep(1000)"}, failed("Execution timed out after 10 seconds.")),
    ("memory", {"code": "x = 'a' * 1000000000"}, failed("Memory limit of 128 MB exceeded.")),
    (
        "output",
        {"code": "import os\nwhile True: os.write(1, b'x' * 65536)"},
        failed("Output limit of 1 MiB exceeded.", "x" * (1 << 20)),
    ),
    ("read_only", {"code": "open('/app/x', 'w')", "read_only": True}, "Read-only file system: '/app/x'"),
    ("a fork bomb stays within its processes", {"code": FORKS}, ok(f"{PIDS - 1}\n")),
    (
        "too many processes as the reason of a failure",
        {"code": FORKS.replace("_exit(0)", "_exit(1)")},
        failed(f"Process limit of {PIDS} reached.", f"{PIDS - 1}\n"),
    ),
    ("memory below the limit is there to use", {"code": "print(len(b'x' * (90 << 20)) >> 20)"}, ok("90\n")),
    ("half of a CPU", {"code": SHARE}, ok("half of a CPU\n")),
    ("a child left behind ends with the run", {"code": ORPHAN}, ok("left it\n")),
    ("its cgroup is the root that it sees", {"code": "print(open('/proc/self/cgroup').read(), end='')"}, ok("0::/\n")),
]
SMALL_TABLE = [row for row in TABLE if row[0] in ("a result", "an exception", "a fork bomb stays within its processes")]

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
        print(f"FAIL  {name}: {type(error).__name__}: {error}"[:2000], flush=True)


def wait_until(is_true, seconds, what):
    deadline = time.monotonic() + seconds * SLOW
    while not is_true():
        assert time.monotonic() < deadline, f"not within {seconds * SLOW} s: {what}"
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


class Server:
    """`safexec serve`, started below the words of launcher."""

    def __init__(self, launcher):
        command = [*launcher, SAFEXEC, "serve", "--listen", "127.0.0.1:0", "--slots", "2", "--zygote-max-forks", "10"]
        self.errors = open("errors", "w+b")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors)
        readable, _, _ = select.select([self.process.stdout], [], [], START_S * SLOW)
        line = self.process.stdout.readline().decode() if readable else "nothing"
        assert line.startswith("Listening on http://"), f"it said {line!r} and {self.complaints()!r}"
        self.port = int(line.strip().strip("/").rpartition(":")[2])

    def complaints(self):
        self.errors.seek(0)
        return self.errors.read().decode()

    def run(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10 + ANSWER_S * SLOW)
        connection.request("POST", "/run", json.dumps(body), {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

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


def check_answer(server, body, expected):
    answer = server.run(body)
    if isinstance(expected, str):
        assert not answer["success"] and expected in answer["error"], answer
    else:
        assert answer == expected, {key: str(value)[:500] for key, value in answer.items()}


def answers_again(server):
    """A front whose warden has died answers what it has and closes its connections: who is cut off asks again."""
    with contextlib.suppress(ConnectionError, http.client.HTTPException):
        return server.run({"code": "print(1)"}) == ok("1\n")
    return False


def check_second_server():
    first = Server([])
    r = subprocess.run(
        [SAFEXEC, "serve", "--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=START_S * SLOW
    )
    assert r.returncode == 3 and "already running" in r.stderr, r
    check_answer(first, {"code": "print(1)"}, ok("1\n"))
    first.stop()
    nothing_is_left()


def check_server(place, launcher, table, runs):
    server = None
    with check(f"{place}: it starts"):
        server = Server(launcher)
    if not server:
        return
    print("      " + " ".join(sorted(path.removeprefix(str(CGROUPS)) for path in cgroups())), flush=True)
    for name, body, expected in table:
        with check(f"{place}: {name}"):
            check_answer(server, body, expected)
    with check(f"{place}: {runs} runs one after another"):
        for i in range(runs):
            check_answer(server, {"code": f"print({i})"}, ok(f"{i}\n"))
    with check(f"{place}: a warden that dies is replaced"):
        (warden,) = [pid for pid, comm in processes().items() if comm == "safexec-warden"]
        os.kill(warden, signal.SIGKILL)
        wait_until(lambda: answers_again(server), START_S, "it serves again")
    with check(f"{place}: SIGTERM leaves no process and no cgroup"):
        server.stop()
        nothing_is_left()
    with check(f"{place}: after kill -9 of everything a new one starts, and leaves nothing"):
        Server(launcher).kill_everything()
        wait_until(lambda: not processes(), LEAVE_S, "its processes are gone")
        server = Server(launcher)
        check_answer(server, {"code": "print(1)"}, ok("1\n"))
        server.stop()
        nothing_is_left()
    if server.complaints():
        print(f"      it said {server.complaints()!r}", flush=True)


def run_doctor(status, *words):
    r = subprocess.run([SAFEXEC, "doctor"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=START_S * SLOW)
    print("".join(f"      {line}\n" for line in (r.stdout + r.stderr).splitlines()), end="", flush=True)
    assert r.returncode == status, f"status {r.returncode}"
    for word in words:
        assert word in r.stdout, f"{word!r} is missing"
    nothing_is_left()


PLACES = [
    ("beside others", []),
    ("in a service of its own", ["systemd-run", "-q", "--wait", "--pipe", "-p", "Delegate=yes"]),
    ("in a scope of its own", ["systemd-run", "-q", "--scope", "-p", "Delegate=yes"]),
]


def default():
    with check("only cgroup version 2 is mounted"):
        mounts = pathlib.Path("/proc/self/mountinfo").read_text()
        assert " - cgroup2 " in mounts and " - cgroup " not in mounts
    with check("doctor"):
        run_doctor(0, "ok    Landlock", "ok    a cell")
    with check("doctor in a service of its own"):
        r = subprocess.run([*PLACES[1][1], SAFEXEC, "doctor"], capture_output=True, text=True, timeout=START_S * SLOW)
        assert r.returncode == 0, r.stdout + r.stderr
        assert pathlib.Path("/proc/1/cgroup").read_text() == "0::/init.scope\n", "it moved the machine's first process"
        nothing_is_left()
    with check("a second server of a name says that there is one, and does the first no harm"):
        check_second_server()
    for i, (place, launcher) in enumerate(PLACES):
        check_server(place, launcher, TABLE if i == 0 else SMALL_TABLE, 20 if i == 0 else 5)


def no_landlock():
    with check("doctor says that there is no Landlock"):
        run_doctor(0, "note  Landlock", "ok    a cell")
    check_server("without Landlock", [], SMALL_TABLE, 5)


def no_memory():
    with check("doctor names the missing controller"):
        run_doctor(3, "memory controller")
    with check("serve says it in one sentence"):
        r = subprocess.run([SAFEXEC, "serve", "--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=START_S * SLOW)
        print(f"      {r.stderr!r}", flush=True)
        assert (r.returncode, r.stdout) == (3, "") and r.stderr.count("\n") == 1 and "memory controller" in r.stderr, r
        nothing_is_left()


VARIANTS = {"default": default, "no-landlock": no_landlock, "no-memory": no_memory}

if __name__ == "__main__":
    VARIANTS[sys.argv[1]]()
    print("all held" if not faults else f"{len(faults)} did not hold")
    sys.exit(bool(faults))
