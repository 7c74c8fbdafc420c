# SPDX-License-Identifier: Apache-2.0
"""`safexec serve` in each kind of cgroup that people start it in: what it answers, what dies, what is left."""

import concurrent.futures
import contextlib
import http.client
import os
import pathlib
import signal

from machine import CGROUPS, LEAVE_S, SAFEXEC, START_S, Server, call, check, cgroups, nothing_is_left, processes, show, wait_until

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
WAITS = ("wall time",)  # it only sleeps: it does so in the second slot, while the others run


def check_answer(server, body, expected):
    judge(server.run(body), expected)


def judge(answer, expected):
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
    first = Server()
    assert "already running" in call(SAFEXEC, "serve", "--listen", "127.0.0.1:0", status=3)
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
    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        waiting = {name: beside.submit(server.run, body) for name, body, _ in table if name in WAITS}
        for name, body, expected in sorted(table, key=lambda row: row[0] in WAITS):
            with check(f"{place}: {name}"):
                judge(waiting[name].result() if name in WAITS else server.run(body), expected)
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


# What a container's runtime does: a cgroup of its own beside the runtime's, which is the root that it sees, and processes of its own; the
# server is its first.
CONTAINER = """
own=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)
mkdir $own/runtime $own/container
echo 0 >$own/runtime/cgroup.procs
echo '+cpu +memory +pids' >$own/cgroup.subtree_control
exec unshare -mpf --mount-proc --propagation private sh -c '
	echo 0 >$0/container/cgroup.procs
	exec unshare -C sh -c "umount /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec \\"\\$@\\"" sh "$@"' $own "$@"
"""
PLACES = [
    ("beside others", []),
    ("in a service of its own", ["systemd-run", "-q", "--wait", "--pipe", "-p", "Delegate=yes"]),
    ("in a scope of its own", ["systemd-run", "-q", "--scope", "-p", "Delegate=yes"]),
    ("in a container", ["systemd-run", "-q", "--wait", "--pipe", "-p", "Delegate=yes", "sh", "-c", CONTAINER, "sh"]),
]


def run_doctor(status, *words, launcher=()):
    text = call(*launcher, SAFEXEC, "doctor", status=status)
    show(text)
    for word in words:
        assert word in text, f"{word!r} is missing"
    nothing_is_left()


def check_places():
    with check("doctor"):
        run_doctor(0, "ok    Landlock", "ok    a cell")
    with check("doctor in a service of its own"):
        call(*PLACES[1][1], SAFEXEC, "doctor")
        assert pathlib.Path("/proc/1/cgroup").read_text() == "0::/init.scope\n", "it moved the machine's first process"
        nothing_is_left()
    with check("an ordinary user is told what it takes"):
        assert "needs root" in call("runuser", "-u", "tester", "--", SAFEXEC, "doctor", status=3)
    with check("a second server of a name says that there is one, and does the first no harm"):
        check_second_server()
    for i, (place, launcher) in enumerate(PLACES):
        check_server(place, launcher, TABLE if i == 0 else SMALL_TABLE, 20 if i == 0 else 5)


def check_swap():
    """With swap in use on the machine, a cell has none."""
    call("sh", "-c", "dd if=/dev/zero of=/swap bs=1M count=256 status=none && chmod 600 /swap && mkswap -q /swap && swapon /swap", seconds=5)
    try:
        run_doctor(0, "limited to nothing in every cell", "ok    a cell")
        server = Server()
        check_answer(server, {"code": "x = 'a' * 1000000000"}, failed("Memory limit of 128 MB exceeded."))
        used = [int(line.split()[3]) for line in pathlib.Path("/proc/swaps").read_text().splitlines()[1:]]
        assert used == [0], f"{used} kB of swap are used"
        server.stop()
        nothing_is_left()
    finally:
        call("swapoff", "/swap", seconds=5)
        os.unlink("/swap")
