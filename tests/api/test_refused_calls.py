# SPDX-License-Identifier: Apache-2.0
"""System calls that the sandbox refuses: counted, named, and no way to have others pay for them."""
import re
import shutil

import harness
import requests
import v1

LIBC = """
import ctypes, os, socket, threading
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    return -ctypes.get_errno() if libc.syscall(number, *map(ctypes.c_long, arguments)) < 0 else 0
PTRACE, MOUNT, CLONE = 101, 165, 56
"""


def refused(answer):
    return {row["call"]: row["count"] for row in answer["refused_calls"]}


def test_a_program_that_failed_hears_what_was_refused_to_it(server):
    code = LIBC + "print(call(PTRACE, 0), call(PTRACE, 0))\nraise SystemExit(3)"
    answer = v1.run(server, code)
    assert (answer["stdout"], answer["refused_calls"]) == ("-1 -1\n", [{"call": "ptrace", "count": 2}])
    assert answer["message"] == "Exited with status 3. The sandbox refused ptrace (2 times)."
    simple = server.run(code)
    assert simple == {"success": False, "error": answer["message"], "output": "-1 -1\n"}


def test_it_comes_after_what_the_program_has_said_itself(server):
    code = "import socket\nsocket.socket(socket.AF_VSOCK)"
    answer = v1.run(server, code)
    assert answer["error"]["message"] == "[Errno 97] Address family not supported by protocol"
    assert answer["message"] == "Exited with status 1. The sandbox refused socket(AF_VSOCK) (1 time)."
    error = server.run(code)["error"].splitlines()
    assert error[0] == "Traceback (most recent call last):" and error[-1] == "The sandbox refused socket(AF_VSOCK) (1 time)."


def test_one_that_goes_on_is_told_in_the_list_alone(server):
    answer = v1.run(server, LIBC + "call(MOUNT, 0, 0, 0)\nprint('on')")
    assert (answer["verdict"], answer["message"], answer["refused_calls"]) == ("ok", "", [{"call": "mount", "count": 1}])
    assert server.run(LIBC + "call(MOUNT, 0, 0, 0)\nprint('on')") == {"success": True, "output": "on\n"}


def test_an_honest_program_is_refused_nothing(server):
    code = """
import asyncio, multiprocessing, os, socket, sqlite3, ssl, subprocess, sys, tempfile, threading, time, zoneinfo
socket.getaddrinfo("localhost", 80), socket.socket(socket.AF_INET).close(), os.sync(), os.cpu_count(), socket.if_nameindex()
threading.Thread(target=print).start()
subprocess.run([sys.executable, "-c", "import ctypes; print(1)"], check=True)
subprocess.run(["sh", "-c", "ls -l / | sort | head -2; cat /proc/self/status; date; df; ps"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
multiprocessing.Pool(2).map(abs, range(9))
asyncio.run(asyncio.create_subprocess_exec("true"))
"""
    assert v1.run(server, code)["refused_calls"] == []


def test_an_argument_that_is_refused_is_named(server):
    code = LIBC + """
for flag in (0x10000000, 0x10000000 | 1 << 32, 0x40000000):
    call(CLONE, flag | 17, 0, 0, 0, 0)
call(16, 0, 0x5412, 0), call(133, 0, 0o20600, 0), call(53, 30, 1, 0, 0)
for family in (38, 40, 40, 17):
    call(41, family, 1, 0)
"""
    assert refused(v1.run(server, code)) == {
        "clone(CLONE_NEWUSER)": 2, "clone(CLONE_NEWNET)": 1, "ioctl(TIOCSTI)": 1, "mknod(S_IFCHR)": 1, "socketpair(AF_TIPC)": 1,
        "socket(AF_ALG)": 1, "socket(AF_VSOCK)": 2, "socket(AF_PACKET)": 1}


def test_children_threads_and_foreign_programs_are_counted(server):
    code = LIBC + """
def some(n):
    for _ in range(n):
        call(PTRACE, 0)
threads = [threading.Thread(target=some, args=(5,)) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
for _ in range(3):
    if os.fork() == 0:
        some(7)
        os._exit(0)
    os.wait()
import subprocess
assert subprocess.run(["unshare", "-n", "true"], stderr=-3).returncode == 1
"""
    assert refused(v1.run(server, code)) == {"ptrace": 4 * 5 + 3 * 7, "unshare": 1}


def test_the_list_has_an_end(server):
    calls = (101, 165, 166, 155, 161, 167, 168, 169, 170, 171, 172, 173, 175, 176, 103, 153, 304, 298, 321)
    rows = v1.run(server, LIBC + f"for number in {calls}:\n    call(number, -1, 0, 0), call(number, -1, 0, 0)")["refused_calls"]
    assert [row["count"] for row in rows] == [2] * 16 + [2 * (len(calls) - 16)]
    assert rows[0]["call"] == "ptrace" and rows[-1]["call"] == "other"


def test_who_makes_very_many_waits_on_its_own_time(server):
    """300 at once and 10 each tenth of a second after that, whatever the number of threads; the next run begins with a new account."""
    code = LIBC + """
def some():
    for _ in range(9):
        call(PTRACE, 0)
threads = [threading.Thread(target=some) for _ in range(48)]
for t in threads: t.start()
for t in threads: t.join()
"""
    for _ in range(2):
        answer = v1.run(server, code)
        assert refused(answer) == {"ptrace": 48 * 9} and answer["usage"]["wall_ms"] > (48 * 9 - 310) * 10


def test_one_that_waits_is_stopped_like_any_other(server):
    answer = v1.run(server, LIBC + "while True: call(PTRACE, 0)", limits={"wall_ms": 1200})
    assert (answer["verdict"], answer["message"]) == ("timeout", "Execution timed out after 1.2 seconds.")
    assert 0 < refused(answer)["ptrace"] < 310 + answer["usage"]["wall_ms"] / 10


def test_a_signal_that_comes_meanwhile_is_handled(server):
    code = LIBC + """
import signal
seen = []
signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
answers = [call(PTRACE, 0) for _ in range(330)]
signal.setitimer(signal.ITIMER_REAL, 0)
print(len(seen) > 0, set(answers) <= {-1, -4}, answers.count(-1))
"""
    answer = v1.run(server, code)
    first, second, count = answer["stdout"].split()
    assert (first, second) == ("True", "True") and int(count) <= refused(answer)["ptrace"] <= 330


def test_what_others_say_of_the_end_is_not_counted_and_ends_nothing(server):
    code = LIBC + """
def lie(n):
    for _ in range(n):
        assert call(111, 0x5AFE0E7D1A57CA11, 0) == -38
if os.fork() == 0:
    lie(305)
    os._exit(1)
thread = threading.Thread(target=lie, args=(5,))
thread.start()
lie(5)
thread.join(), os.wait()
call(PTRACE, 0)
raise SystemExit(7)
"""
    answer = v1.run(server, code)
    assert (answer["exit_code"], answer["stderr"], refused(answer)) == (7, "", {"ptrace": 1})


def test_they_are_in_the_metrics_and_the_log(start_server):
    server = start_server("--slots", "1", "--log-format", "json")
    name = 'safexec_refused_calls_total{call="socket(AF_ALG)",environment="base",provider="native"} 3\n'
    assert refused(v1.run(server, LIBC + "for _ in range(3): call(41, 38, 5, 0)\ncall(PTRACE, 0)")) == {"socket(AF_ALG)": 3, "ptrace": 1}
    text = requests.get(server.url + "/metrics", timeout=10).text
    assert name in text and len(re.findall("^safexec_refused_calls_total", text, re.M)) == 2
    harness.wait_until(lambda: '"refused_calls":4' in server.log(), 5, "the line of the log")


HEARD_ALREADY = """#!/usr/bin/python3
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
rows = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0x7FFF0000))  # return ALLOW
program = ctypes.create_string_buffer(struct.pack("@HP", 1, ctypes.addressof(rows)))
os.set_inheritable(libc.syscall(317, 1, 8, program), True)  # SECCOMP_SET_MODE_FILTER, with a listener
os.execv(WARDEN, [WARDEN, *sys.argv[1:]])
"""


def test_where_another_listens_already_they_are_refused_and_not_counted(start_server, tmp_path):
    tmp_path.chmod(0o755)
    for name in ("safexec", "safexecd", "safexec-store", "safexec-sender"):
        shutil.copy(harness.BUILD / name, tmp_path)
    warden = tmp_path / "safexec-warden"
    warden.write_text(HEARD_ALREADY.replace("WARDEN", repr(str(harness.BUILD / "safexec-warden"))))
    warden.chmod(0o755)
    server = start_server("--slots", "1", program=tmp_path / "safexec")
    answer = v1.run(server, LIBC + "print(call(PTRACE, 0), call(41, 40, 1, 0), call(333, -1), call(600, 0))\nraise SystemExit(4)")
    assert (answer["stdout"], answer["refused_calls"]) == ("-1 -97 -38 -38\n", [])
    assert (answer["exit_code"], answer["message"]) == (4, "Exited with status 4.")
