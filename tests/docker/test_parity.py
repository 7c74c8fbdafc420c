# SPDX-License-Identifier: Apache-2.0
"""The same programs on the native provider and on both profiles of the Docker provider: verdict, message, exit code, signal, output and
usage. Where the original profile differs, the row says how and why."""

import concurrent.futures
import json
import os
import platform

import pytest

MIB = 1 << 20
LINUX = tuple(int(part) for part in platform.release().split(".")[:2])

DEADLY = {4, 5, 7, 8, 9, 11, 31}  # no other signal can kill a process 1: that number is an exit status

# Why the original profile answers otherwise.
PROCESS_1 = "Python is process 1, and the kernel drops what process 1 sends to itself (pid_namespaces(7))"
ABORT = "the same for SIGABRT; glibc's abort() then ends by an instruction that is a SIGSEGV"
NO_DISK_LIMIT = "nothing limits what is written to a bound folder of the host, nor to the container's own layer"
NO_FILE_LIMITS = "the command of old sets no ulimit"

FORKS = """
import os, signal
for _ in range(100):
    if os.fork() == 0:
        signal.pause()
"""
FILL = "for n in range(9): open('%s/' + str(n), 'wb').write(bytes(4 << 20))"

# name, code, what else the request holds, and for the original profile: what differs, and why
ROWS = [
    ("prints", "print(2 + 2)", {}, None),
    ("fails", "print('a')\n1 / 0", {}, None),
    ("does not compile", "def f(:", {}, None),
    *((f"status {n}", f"import os; os._exit({n})", {}, None) for n in (1, 127, 128, 129, 137, 139, 192, 193, 255)),
    ("aborts", "import os; os.abort()", {}, ({"signal": 11, "message": "Killed by signal 11 (SIGSEGV)."}, ABORT)),
    *((f"kills itself by {n}", f"import os; os.kill(os.getpid(), {n}); print('alive')", {},
       ({"verdict": "ok", "message": "", "exit_code": 0, "signal": None, "stdout": "alive\n"}, PROCESS_1)) for n in (9, 15, 40)),
    ("a child is killed", "import os, signal\nif os.fork() == 0: os.kill(os.getpid(), 9)\nprint(os.wait()[1])", {}, None),
    ("wants memory", "'a' * 10**9", {}, None),
    ("wants memory bit by bit", "x = []\nwhile True: x.append(bytearray(1 << 20))", {}, None),
    ("wants less memory than it may", "x = bytearray(40 << 20)", {"limits": {"memory_bytes": 64 * MIB}}, None),
    ("wants more than its own limit", "x = b'x' * (80 << 20)", {"limits": {"memory_bytes": 64 * MIB}}, None),
    ("forks until it fails", FORKS, {}, None),
    ("forks and bears it", f"try:\n{FORKS.replace(chr(10), chr(10) + '    ')}\nexcept OSError as e: print(e.errno)", {}, None),
    ("threads until it fails", "import threading, time\nfor _ in range(100): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()", {}, None),
    ("fills /app", FILL % "/app", {}, ({"verdict": "ok", "message": "", "exit_code": 0, "stderr": ""}, NO_DISK_LIMIT)),
    ("fills /tmp", FILL % "/tmp", {}, ({"verdict": "ok", "message": "", "exit_code": 0, "stderr": ""}, NO_DISK_LIMIT)),
    ("writes a long file", "open('big', 'wb').write(bytes(17 << 20))", {}, ({"verdict": "ok", "message": "", "exit_code": 0, "stderr": ""},
                                                                         NO_FILE_LIMITS)),
    ("prints too much", "while True: print('x' * 1000)", {"limits": {"output_bytes": 5000}}, None),
    ("runs too long", "print('begun', flush=True)\nwhile True: pass", {"limits": {"wall_ms": 2500}}, None),
    ("sleeps too long", "print('begun', flush=True)\nimport time; time.sleep(99)", {"limits": {"wall_ms": 2500}}, None),
    ("computes too long", "while True: pass", {"limits": {"cpu_ms": 300}}, None),
    ("writes where it may not", "open('x', 'w')", {"read_only": True}, None),
]
COMPARED = ("verdict", "message", "exit_code", "signal", "stdout", "stderr", "error")


def run(server, code, **more):
    response = server.post({"code": code, "displays": False, **more}, path="/v1/runs")
    assert response.status_code == 200, response.text
    return response.json()


def traits(answer):
    """What is compared. A program that prints too much may have ended by itself when the kill comes: its signal is chance."""
    return {key: answer[key] for key in COMPARED if key != "signal" or answer["verdict"] != "output"}


@pytest.fixture(scope="module")
def answers(server, servers):
    """answers(place, code, **more): of "native", "hardened" or "original"; the first question asks all rows, some at once."""
    known = {}

    def ask(place, code, more):
        key = (place, code, json.dumps(more))
        if key not in known:
            known[key] = run(server if place == "native" else servers(place), code, **more)
        return known[key]

    def get(place, code, **more):
        if not any(key[0] == place for key in known):
            with concurrent.futures.ThreadPoolExecutor(3) as pool:
                list(pool.map(lambda row: ask(place, *row), EVERYTHING))
        return ask(place, code, more)

    return get


@pytest.mark.parametrize("name, code, more, original", ROWS, ids=[row[0] for row in ROWS])
def test_the_answer_is_the_native_providers(answers, profile, name, code, more, original):
    wanted = traits(answers("native", code, **more))
    if profile == "original" and original:
        wanted.update(original[0])
        if wanted["stderr"] == "":
            wanted["error"] = None
    if profile == "original" and name.startswith("status ") and LINUX < (6, 15) and int(name.split()[1]) - 128 in DEADLY:
        pytest.skip("before Linux 6.15 only an Engine tells how a process 1 ended, and it reports a signal as 128 and its number")
    assert traits(answers(profile, code, **more)) == wanted


# --- usage: each figure between two bounds on each provider, and of the same size as the native one ----------------------------------

# Each waits before its end: the original profile's counters go with it, and may be a tenth of a second old where nobody got a CPU in time.
CPU_USER = "import time\nwhile time.process_time() < 0.5:\n    for _ in range(20000): pass\ntime.sleep(0.4)"
CPU_SYSTEM = "import os, time\nf = os.open('/dev/zero', os.O_RDONLY)\nwhile os.times().system < 0.5: os.read(f, 1 << 20)\ntime.sleep(0.4)"
MEMORY = "import time\nx = bytearray(60 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\ntime.sleep(0.4)"
TOO_MUCH = MEMORY.replace("60 <<", "110 <<") + "\n'a' * 10**9"
PIDS = "import os, signal, time\ntime.sleep(1)  # the original profile has to see it run first\nfor _ in range(20):\n    if os.fork() == 0: signal.pause()\ntime.sleep(0.4)"
SLEEP = "import time; time.sleep(0.7)"

# What a container adds: its runtime's own share in the original profile, where it cannot be told apart.
USAGE = [
    ("user time", CPU_USER, lambda u: u["cpu_user_ms"], 300, 700),
    ("time of both kinds", CPU_USER, lambda u: u["cpu_user_ms"] + u["cpu_system_ms"], 480, 750),
    ("system time", CPU_SYSTEM, lambda u: u["cpu_system_ms"], 350, 800),
    ("memory", MEMORY, lambda u: u["memory_peak_bytes"], 60 * MIB, 80 * MIB),
    ("memory of one that was killed", TOO_MUCH, lambda u: u["memory_peak_bytes"], 110 * MIB, 128 * MIB),
    ("wall time", SLEEP, lambda u: u["wall_ms"], 700, 1700),
    ("output", "print('x' * 99)", lambda u: u["output_bytes"], 100, 100),
]


@pytest.mark.parametrize("name, code, figure, least, most", USAGE, ids=[row[0] for row in USAGE])
def test_usage_is_the_kernels_on_each_provider(answers, profile, name, code, figure, least, most):
    figures = [figure(answers(place, code)["usage"]) for place in ("native", profile)]
    assert all(least <= number <= most for number in figures), figures
    assert max(figures) <= 2 * min(figures), figures


@pytest.mark.parametrize("place", ["native", "hardened", "original"])
def test_usage_of_a_run_that_was_stopped_is_known_too(answers, place):
    usage = answers(place, *STOPPED[:1], **STOPPED[1])["usage"]
    assert 40 <= usage["cpu_user_ms"] + usage["cpu_system_ms"] <= 1700 and usage["memory_peak_bytes"] > MIB, usage


def test_the_process_peak_is_known_where_the_kernel_counts_it_and_else_not_said(answers, profile):
    """On version 1 native slots are used again, and a peak cannot be reset: it is known when it grows; a container is always new. What is not above the number of
    threads that the runtime itself had there is not known."""
    assert answers(profile, PIDS)["usage"]["pids_peak"] == 21
    assert answers(profile, "print(2 + 2)")["usage"]["pids_peak"] is None
    is_v2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    assert answers("native", PIDS)["usage"]["pids_peak"] in ([21] if is_v2 else [21, None])


STOPPED = ("while True: x = 1", {"limits": {"wall_ms": 2500}})
EVERYTHING = sorted({(code, json.dumps(more)) for _, code, more, _ in ROWS} | {(row[1], "{}") for row in USAGE} | {(PIDS, "{}")}
                    | {(STOPPED[0], json.dumps(STOPPED[1]))})
EVERYTHING = [(code, json.loads(more)) for code, more in EVERYTHING]
