# SPDX-License-Identifier: Apache-2.0
"""What a program finds, value by value, as SPECIFICATION.md lists it."""

import json
import re
import subprocess

import harness
import pytest

PRELOAD = re.search(r'#define BASE_PRELOAD "([^"]+)"', (harness.ROOT / "src/spec/environments.def").read_text())[1]
KIB, MIB = 1 << 10, 1 << 20

# What it is, an expression, and what it gives.
VALUES = [
    ("environment variables", "dict(os.environ)", {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp",
                                                 "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}),
    ("arguments", "sys.argv", ["script.py"]),
    ("interpreter", "sys.executable", "/usr/bin/python3"),
    ("working folder", "os.getcwd()", "/app"),
    ("standard input", "sys.stdin.read()", ""),
    ("descriptors, and the one that lists them", "sorted(os.listdir('/proc/self/fd'))", ["0", "1", "2", "3"]),
    ("umask", "os.umask(0)", 0o022),
    ("user", "[pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name, os.getgroups()]", ["runner", "runner", []]),
    ("host name", "[os.uname().nodename, open('/etc/hostname').read()]", ["cell", "cell\n"]),
    ("resolv.conf", "open('/etc/resolv.conf').read()", ""),
    ("scratch", "[os.listdir(d) for d in ('/app', '/tmp', '/dev/shm')]", [["script.py"], [], []]),
    ("dev", "sorted(os.listdir('/dev'))", sorted("null zero full random urandom fd stdin stdout stderr shm".split())),
    ("proc", "sorted(n for n in os.listdir('/proc') if not n.isdigit())", ["self", "thread-self"]),
    ("parent", "[os.getpid(), os.getppid()]", [2, 0]),
]

RLIMITS = {"CORE": 1, "MEMLOCK": 64 * KIB, "MSGQUEUE": 800 * KIB, "RTPRIO": 0, "NICE": 0, "NOFILE": 1024, "FSIZE": 16 * MIB}


def look(server, expression, **more):
    answer = server.run(f"import grp, json, os, pwd, resource, sys\nprint(json.dumps({expression}))", **more)
    assert answer["success"], answer
    return json.loads(answer["output"])


@pytest.mark.parametrize("expression, value", [row[1:] for row in VALUES], ids=[row[0] for row in VALUES])
def test_a_program_finds_what_the_specification_says(server, expression, value):
    assert look(server, expression) == value


def test_no_resource_limit_is_higher_than_the_specification_says(server):
    found = look(server, f"{{name: resource.getrlimit(getattr(resource, 'RLIMIT_' + name)) for name in {list(RLIMITS)}}}")
    assert {name: pair for name, pair in found.items() if max(pair) > RLIMITS[name] or min(pair) < 0} == {}


def test_etc_holds_what_the_specification_names_and_nothing_else(server):
    text = (harness.ROOT / "SPECIFICATION.md").read_text()
    named = re.findall(r"[\w.-]+", " ".join(re.findall(r"^\| /etc, [^|]*\|([^|]*)\|", text, re.M)))
    assert {"passwd", "ld.so.cache", "ssl"} < set(named)
    assert set(look(server, "os.listdir('/etc')")) - set(named) == set()
    assert set(look(server, "os.listdir('/etc/ssl')")) <= {"certs", "openssl.cnf"}


def test_no_more_modules_are_there_than_the_preloaded_ones_bring(server):
    show = f"import sys\nfor name in {PRELOAD.split()}: __import__(name)\nprint(*sys.modules)"
    plain = subprocess.check_output(["/usr/bin/python3", "-c", show], text=True, env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"})
    found = server.run("import sys\nprint(*sys.modules)")["output"].split()
    assert set(PRELOAD.split()) <= set(found)
    assert set(found) - set(plain.split()) <= {"gc"}  # the zygote's own, built in


def test_read_only_leaves_dev_shm_writable(server):
    assert look(server, "open('/dev/shm/x', 'w').write('abc')", read_only=True) == 3


def proportional_kib(process):
    return int(re.search(r"^Pss:\s+(\d+)", harness.read_text(f"/proc/{process.pid}/smaps_rollup"), re.M)[1])


def test_an_idle_cell_takes_at_most_four_megabytes(start_server):
    """Its guest, its init, and on cgroup version 1 the slot's forker; shared pages count by their share."""
    server = start_server()
    processes = harness.wait_until(lambda: idle_processes(server), 20, "all cells are ready")
    each = {kind: sum(map(proportional_kib, found)) / len(found) for kind, found in processes.items() if found}
    assert sum(each.values()) <= 4096, each


def idle_processes(server):
    """Guests, inits and forkers, when every slot has its cell."""
    found = server.processes()
    inits = [p for p in found if p.comm == "safexec-init"]
    base = min((p.uid for p in found if p.comm == "safexec-nursery"), default=0)
    pythons = [p for p in found if p.comm == "python3"]
    guests = [p for p in pythons if p.uid != base]
    zygotes = [p for p in pythons if p.uid == base]
    forkers = [p for p in zygotes if p.parent in [z.pid for z in zygotes]]
    return len(guests) == len(inits) >= 4 and {"guest": guests, "init": inits, "forker": forkers}
