# SPDX-License-Identifier: Apache-2.0
"""What a cell of the native provider does with a job, asked by its own protocol (tests/cell_client.py)."""
import os
import re
import struct
import subprocess
import time
import zipfile

import pytest

from cell_client import ARG, CHECK, DISPLAYS, ENTRY, ENV, FILE, GLOB, OUTPUTS, READ_ONLY, TELL, VALUE, Warden, record
from harness import ROOT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make sandboxes here")


@pytest.fixture(scope="module")
def warden():
    warden = Warden()
    yield warden
    warden.close()


def entry(name):
    return record(ENTRY, name.encode())


# --- files and words ------------------------------------------------------------------------------------------------------------

def test_files_arguments_and_variables_are_there(warden):
    result = warden.run(
        "import os, sys\n"
        "print(sys.argv, sys.orig_argv, os.environ['A'], repr(os.environ['B']), os.environb[b'C'])\n"
        "print(sorted(os.listdir('.')), open('d/e/f').read(), os.stat('d').st_uid == os.stat('d/e/f').st_uid == os.getuid())\n"
        "print(oct(os.stat('d').st_mode), oct(os.stat('d/e/f').st_mode))\n",
        files={"d/e/f": b"text", "b.bin": bytes(range(256))},
        records=[record(ARG, data=b"--x"), record(ARG, data=b""), record(ARG, data="ä\udcff".encode("utf-8", "surrogateescape")),
                 record(ENV, data=b"A=1=2"), record(ENV, data=b"B="), record(ENV, data=b"C=\xff")])
    assert (result.verdict, result.err) == ("ok", "")
    words = ["--x", "", "ä\udcff"]
    assert result.out == (f"{['script.py'] + words} {['python3', 'script.py'] + words} 1=2 '' b'\\xff'\n"
                          "['b.bin', 'd', 'script.py'] text True\n0o40755 0o100644\n")


def test_a_variable_of_the_run_reaches_its_children(warden):
    result = warden.run("import subprocess; print(subprocess.run(['printenv', 'A'], capture_output=True, text=True).stdout)",
                        records=[record(ENV, data=b"A=from here")])
    assert result.out == "from here\n\n"


LOOK = """\
import inspect, os, sys
print(sys.argv, __file__, __name__, sys.path[0], sorted(os.listdir('.')), len(inspect.stack()))
print(sorted(key for key in sys.path_importer_cache if 'py' in key.rpartition('/')[2]), type(__loader__).__name__, __loader__.path)
import beside
def f(): 1 / 0
f()
"""


@pytest.mark.parametrize("path", ["main.py", "pkg/main.py", "a b/ä.py"])
def test_another_entrypoint_is_what_python3_makes_of_it(warden, path, tmp_path):
    """The same files in a folder of the host, seen by the machine's own python3 there."""
    folder = path.rpartition("/")[0]
    files = {path: LOOK.encode(), (folder + "/" if folder else "") + "beside.py": b"print('beside')\n"}
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    plain = subprocess.run(["/usr/bin/python3", "-B", path, "--x"], cwd=tmp_path, capture_output=True, text=True, env={"LANG": "C.UTF-8"})
    result = warden.run(files=files, records=[entry(path), record(ARG, data=b"--x")])
    want = [text.replace(str(tmp_path), "/app") for text in (plain.stdout, plain.stderr)]
    assert [result.out, result.err] == want
    assert (result.verdict, result.exit_code) == ("error", 1)


@pytest.mark.parametrize("code, verdict, exit_code, signal", [
    ("print(1)", "ok", 0, 0), ("import sys; sys.exit(7)", "error", 7, 0), ("raise SystemExit('why')", "error", 1, 0),
    ("raise KeyboardInterrupt", "signal", -1, 2), ("def f(:", "error", 1, 0), ("import os; os._exit(9)", "error", 9, 0),
    ("import os; os.abort()", "signal", -1, 6), ("import atexit; atexit.register(print, 'end')", "ok", 0, 0),
    ("import threading; threading.Thread(target=print, args=('t',)).start()", "ok", 0, 0)])
def test_another_entrypoint_ends_as_script_py_does(warden, code, verdict, exit_code, signal):
    plain = warden.run(code)
    other = warden.run(files={"main.py": code.encode()}, records=[entry("main.py")])
    for result in (plain, other):
        assert (result.verdict, result.exit_code, result.signal) == (verdict, exit_code, signal)
    assert (plain.out, plain.err.replace("script.py", "main.py")) == (other.out, other.err)


@pytest.mark.parametrize("path", ["script.py", "pkg/app.pyz"])
@pytest.mark.parametrize("code", ["1 / 0", "import sys; sys.exit(7)", "import beside, sys; print(sys.path[0], sys.argv, __file__)"])
def test_an_archive_is_run_as_python3_runs_it(warden, path, code, tmp_path):
    file = tmp_path / path
    file.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("__main__.py", code)
        archive.writestr("beside.py", "print('beside')")
    plain = subprocess.run(["/usr/bin/python3", path], cwd=tmp_path, capture_output=True, text=True, env={"LANG": "C.UTF-8"})
    result = warden.run(files={path: file.read_bytes()}, records=[entry(path)])
    want = [text.replace(str(tmp_path), "/app") for text in (plain.stdout, plain.stderr)]
    assert [result.out, result.err, result.exit_code] == [*want, plain.returncode]


def test_an_entrypoint_that_is_not_there_is_pythons_own_error(warden):
    result = warden.run(records=[entry("none.py")])
    assert (result.verdict, result.exit_code) == ("error", 2)
    assert "can't open file '/app/none.py': [Errno 2] No such file or directory" in result.err


def test_read_only_holds_with_files(warden):
    result = warden.run("import os\nprint(open('d/a').read())\n"
                        "for path in ('d/a', 'd/new', 'new', '/tmp/new', 'script.py'):\n"
                        "    try: open(path, 'w')\n"
                        "    except OSError as error: print(error.errno)\n", files={"d/a": b"text"}, flags=READ_ONLY)
    assert result.out == "text\n" + "30\n" * 5


def test_standard_input_is_the_bytes_that_were_given(warden):
    result = warden.run("import sys, os\ndata = sys.stdin.buffer.read(); print(len(data), data[:3], sys.stdin.isatty())\n"
                        "try: os.write(0, b'x')\n"
                        "except OSError as error: print(error.errno)\n", stdin=b"\0\xffx" + b"y" * (1 << 20))
    assert result.out == f"{3 + (1 << 20)} b'\\x00\\xffx' False\n1\n"
    assert warden.run("print(repr(input()))", stdin=b"").verdict == "error"  # EOFError


def test_files_count_for_the_run_and_within_its_limits(warden):
    for size, verdict in ((1 << 20, "ok"), (3 << 20, "disk")):
        result = warden.run("print(1)", files={"a": b"x" * size}, limits={"disk_bytes": 2 << 20})
        assert (result.verdict, result.out) == (verdict, "1\n" if verdict == "ok" else "")
        assert result.exit_code == (0 if verdict == "ok" else -1)
    result = warden.run("print(1)", files={f"f{i}": b"" for i in range(40)}, limits={"disk_files": 20})
    assert (result.verdict, result.exit_code, result.out) == ("disk", -1, "")
    began = time.monotonic()
    result = warden.run("print(1)", files={"a": b"x" * (20 << 20)}, limits={"memory_bytes": 16 << 20, "disk_bytes": 64 << 20})
    assert (result.verdict, result.out, result.exit_code, result.signal) == ("memory", "", -1, 0)
    assert time.monotonic() - began < 8  # known at once, not when the wall time is over


# --- bundles that no front of ours would send --------------------------------------------------------------------------------------

@pytest.mark.parametrize("records", [
    [record(FILE, b"../up", b"")], [record(FILE, b"/abs", b"")], [record(FILE, b"a/../b", b"")], [record(FILE, b"a", b"1"), record(FILE, b"a", b"2")],
    [record(FILE, b"a", b"1"), record(FILE, b"a/b", b"2")], [record(ENV, data=b"1=2")], [record(99)], [record(FILE, b"a", b"", size=1 << 40)],
    [record(FILE, b"script.py", b"print(1)")[:-1]]])
def test_a_bundle_that_is_none_is_refused_and_nothing_runs(warden, records):
    result = warden.run("print('ran')", records=records)
    assert (result.verdict, result.out, result.err, result.exit_code) == ("refused", "", "", -1)
    assert result.reason


def test_a_job_with_odd_flags_is_refused(warden):
    for flags in (1 << 8, 1 << 3):  # unknown; outputs without a bundle
        result = warden.run("print('ran')", flags=flags)
        assert (result.verdict, result.out) == ("refused", "")


# --- limits of one run -----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("code", ["while True: pass", "import os\nfor i in range(4): os.fork()\nwhile True: os.urandom(1 << 20)"], ids=["alone", "with children"])
def test_cpu_time_ends_a_busy_run(warden, code):
    result = warden.run(code, limits={"cpu_ms": 200, "cpu_millis": 1000})
    used = result.usage["cpu_user_us"] + result.usage["cpu_system_us"]
    assert result.verdict == "cpu_timeout" and 200000 <= used < 600000


def test_cpu_time_leaves_a_sleeping_run_alone(warden):
    result = warden.run("import time; time.sleep(0.5)", limits={"cpu_ms": 200, "cpu_millis": 1000})
    assert result.verdict == "ok"


@pytest.mark.parametrize("limits, code, verdict, out", [
    ({"wall_ms": 300}, "import time; time.sleep(5)", "timeout", ""),
    ({"memory_bytes": 64 << 20}, "x = bytearray(80 << 20)", "memory", ""),
    ({"memory_bytes": 256 << 20}, "x = bytearray(200 << 20); print(1)", "ok", "1\n"),
    ({"pids": 3}, "import os\nfor i in range(5):\n    if os.fork() == 0: os.read(os.pipe()[0], 1)", "pids", ""),
    ({"pids": 100}, "import os\nfor i in range(80):\n    if os.fork() == 0: os.read(os.pipe()[0], 1)", "ok", ""),
    ({"disk_bytes": 1 << 20}, "open('x', 'wb').write(bytes(2 << 20))", "disk", ""),
    ({"disk_bytes": 64 << 20, "file_bytes": 64 << 20, "memory_bytes": 256 << 20}, "print(open('x', 'wb').write(bytes(60 << 20)))", "ok", f"{60 << 20}\n"),
    ({"disk_files": 16}, "for i in range(20): open(str(i), 'w')", "disk", ""),
    ({"file_bytes": 1000}, "with open('x', 'wb') as file: file.write(bytes(1001))", "error", ""),
    ({"open_files": 16}, "l = [open('/dev/null') for i in range(20)]", "error", ""),
    ({"cpu_millis": 1000}, "import os; print(len(os.sched_getaffinity(0)) >= 1)", "ok", "True\n")])
def test_each_limit_is_the_runs_own(warden, limits, code, verdict, out):
    result = warden.run(code, limits=limits)
    assert (result.verdict, result.out) == (verdict, out), result.err


def test_a_warden_gives_no_front_more_than_it_was_started_with():
    warden = Warden("--limit-max", "pids=70", "--limit-max", "memory_bytes=160M", "--limit", "wall_ms=20000", "--limit-max", "wall_ms=1000")
    try:
        for limits, verdict in (({}, "ok"), ({"pids": 70}, "ok"), ({"pids": 71}, "refused"), ({"memory_bytes": 160 << 20}, "ok"),
                                ({"memory_bytes": (160 << 20) + 1}, "refused"), ({"wall_ms": 20000}, "ok"), ({"wall_ms": 20001}, "refused")):
            result = warden.run("print(1)", limits=limits)
            assert (result.verdict, result.out) == (verdict, "1\n" if verdict == "ok" else ""), limits
            assert result.reason.endswith("at most.") == (verdict == "refused")
    finally:
        warden.close()


# --- files that come back ------------------------------------------------------------------------------------------------------------

def collect(warden, code, *globs, flags=0, **more):
    return warden.run(code, records=[record(GLOB, glob.encode()) for glob in globs], flags=OUTPUTS | flags, **more)


def test_files_come_back_after_every_kind_of_end(warden):
    write = "import os, sys, time\nos.mkdir('d'); open('d/a.txt', 'w').write('A'); open('b.bin', 'wb').write(bytes(range(256)))\n"
    for end, verdict in (("", "ok"), ("sys.exit(3)", "error"), ("os.abort()", "signal"), ("time.sleep(60)", "timeout"),
                         ("import subprocess; subprocess.Popen(['sleep', '60'])", "ok"),
                         ("while True: pass", "cpu_timeout"), ("x = bytearray(1 << 30)", "memory")):
        limits = {"wall_ms": 700 if verdict == "timeout" else 10000, "cpu_ms": 100 if verdict == "cpu_timeout" else 10000}
        result = collect(warden, write + end, "**", limits=limits)
        assert (result.verdict, result.more) == (verdict, False), result.err
        assert {name: data for name, data in result.files.items() if name != "script.py"} == {"b.bin": bytes(range(256)), "d/a.txt": b"A"}


def test_patterns_choose_and_nothing_is_an_answer(warden):
    result = collect(warden, "open('a.png', 'w').write('1'); open('b.txt', 'w'); open('/tmp/c.png', 'w')", "*.png", "none.txt")
    assert (result.verdict, result.files, result.more) == ("ok", {"a.png": b"1"}, False)
    assert collect(warden, "", "*.png").files == {}
    assert warden.run("open('a', 'w')").files is None


HOSTILE = '''
import os, socket
os.mkdir('real'); open('real/ok', 'w').write('ok')
os.symlink('/etc/passwd', 'passwd'); os.symlink('/', 'root'); os.symlink('/proc/1/root', 'proc'); os.symlink('real', 'also')
os.symlink('/run/safexec', 'ours'); os.symlink('passwd', 'real/up')
os.mkfifo('fifo')
s = socket.socket(socket.AF_UNIX); s.bind('socket')
os.link('real/ok', 'hard')
with open('hole', 'wb') as file: file.truncate(16 << 20)
open('locked', 'w').write('mine'); os.chmod('locked', 0)
os.mkdir('closed'); open('closed/x', 'w'); os.chmod('closed', 0)
'''


def test_only_plain_files_of_the_run_come_back(warden):
    """Links of all kinds, a fifo, a socket, a hole of more than may come back, what the run has forbidden itself."""
    result = collect(warden, HOSTILE, "**", "passwd", "root/etc/passwd", "proc/etc/passwd", "also/ok", "fifo", "real/up", "ours/preload", limits={"file_bytes": 16 << 20})
    assert result.verdict == "ok", result.err
    found = {name: data for name, data in result.files.items() if name != "script.py"}
    assert found == {"hard": b"ok", "real/ok": b"ok", "hole": 16 << 20}


def test_a_run_that_goes_on_writing_is_dead_before_its_files_are_read(warden):
    code = ('''
import os, time
def swap():
    while True:
        for target in ('/etc/passwd', None):
            try:
                os.unlink('a')
                os.symlink(target, 'a') if target else open('a', 'w').write('mine')
            except OSError: pass
for i in range(8):
    if os.fork() == 0:
        os.setsid()
        swap()
open('a', 'w').write('mine')
time.sleep(0.3)
''')
    for _ in range(5):
        result = collect(warden, code, "a", "**")
        assert result.verdict == "ok" and set(result.files) <= {"a", "script.py"}
        assert result.files.get("a", b"mine") in (b"mine", b"")


def test_a_run_cannot_reach_the_process_that_will_read_its_files(warden):
    """Init has the guest's id saved in such a run: where Landlock does not forbid signals, the kernel keeps them from pid 1."""
    code = ("import ctypes, os, signal\nopen('a', 'w').write('A')\nlibc = ctypes.CDLL(None, use_errno=True)\n"
            "for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGSEGV):\n    try: os.kill(1, number)\n    except PermissionError: pass\n"
            "print(os.path.exists('/proc/1'), libc.ptrace(16, 1, 0, 0), libc.prlimit(1, 7, b'\\0' * 16, None))\n"
            "try: os.setresuid(2000, 2000, 2000)\n"
            "except OSError as error: print(error.errno)\n")
    result = collect(warden, code, "a")
    assert (result.verdict, result.out, result.files) == ("ok", "False -1 -1\n1\n", {"a": b"A"}), result.err


def test_very_many_files_and_very_deep_folders_cost_a_bounded_time(warden):
    many = "for i in range(3900): open(f'f{i}', 'w').close()"
    result = collect(warden, many, "f*")
    assert result.verdict == "ok" and len(result.files) == 256 and result.more
    assert collect(warden, many, "f7").files == {"f7": b""}
    deep = "import os\nfor i in range(2000):\n    os.mkdir('d'); os.chdir('d')\n    open('x', 'w').write(str(i)) if i in (13, 14, 15) else None"
    result = collect(warden, deep, "**/x")
    assert sorted(result.files.values()) == [b"13", b"14"] and result.more
    assert result.usage["collect_us"] < 2500000


def test_the_files_that_come_back_are_at_most_8_mib(warden):
    result = collect(warden, "for n in 'abc': open(n, 'wb').write(b'x' * (4 << 20))", "[abc]")
    assert {name: data if isinstance(data, int) else len(data) for name, data in result.files.items()} == {"a": 4 << 20, "b": 4 << 20, "c": 4 << 20}
    assert [isinstance(data, int) for data in result.files.values()] == [False, False, True]


def test_read_only_runs_have_files_too(warden):
    result = collect(warden, "print(open('in').read())", "*", files={"in": b"1"}, flags=READ_ONLY)
    assert result.files["in"] == b"1"


# --- syntax, start ------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("code", ["def f(:\n  pass\n", "x = 'ä\n", "\tif 1:\n  x\n", "return", "x = [" * 300, "nonlocal x", "x = 1 +"])
def test_a_check_reports_what_python_would_and_runs_nothing(warden, code):
    plain, checked = warden.run(code), warden.run(code, flags=CHECK)
    assert (plain.verdict, plain.exit_code, plain.err, plain.out) == (checked.verdict, checked.exit_code, checked.err, checked.out)
    assert "Error" in checked.err and checked.verdict == "error"


def test_a_check_of_good_code_runs_nothing(warden):
    result = warden.run("print('ran')\nopen('x', 'w')\n", flags=CHECK)
    assert (result.verdict, result.out, result.err) == ("ok", "", "")
    result = warden.run(files={"m.py": b"def f(:"}, records=[entry("m.py")], flags=CHECK)
    assert result.verdict == "error" and '"/app/m.py", line 1' in result.err


def test_the_start_is_told_when_asked(warden):
    assert warden.run("", flags=TELL).was_told and not warden.run("").was_told


LAYERS = ["descriptors", "namespaces", "root", "rlimits", "bounding_set", "identity", "capabilities", "no_new_privs", "landlock", "seccomp",
          "cgroup_memory", "cgroup_cpu", "cgroup_pids"]


def test_a_cell_says_what_was_verified_in_it_and_which_python_it_has(warden):
    place = warden.run("").place
    version = subprocess.run(["/usr/bin/python3", "-c", "import sys; print(sys.version.split()[0])"], capture_output=True, text=True).stdout.strip()
    assert (place["provider"], place["environment"], place["python"]) == ("native", "base", version)
    names = re.findall(r'^LAYER\(\w+,\s*"(\w+)"', (ROOT / "src/spec/layers.def").read_text(), re.M)
    assert [name for bit, name in enumerate(names) if place["layers"] >> bit & 1] == LAYERS


def test_a_guest_sees_nothing_of_this_unless_it_is_used(warden):
    code = ("import gc, os, sys\nprint([name for name in sys.modules if 'safexec' in name or name == '_zygote'], len(os.listdir('/proc/self/fd')),"
            " [key for key in os.environ if 'PYTHON' in key or 'SAFEXEC' in key], any('safexec' in repr(o) for o in gc.get_objects() if isinstance(o, type(sys))))")
    assert warden.run(code).out == "[] 4 [] False\n"


# --- values and displays --------------------------------------------------------------------------------------------------------------

LIBRARY_LIMITS = {"memory_bytes": 512 << 20, "cpu_millis": 2000, "wall_ms": 30000}
PNG = b"\x89PNG\r\n\x1a\n"


def read_report(data):
    """(value, [{type: bytes}, ...])"""
    value, displays, at = None, [], 0
    while at < len(data):
        magic, kind, size, zero = struct.unpack_from("=IIII", data, at)
        assert (magic, zero) == (0x54504552, 0) and len(data) >= at + 16 + size
        payload, at = data[at + 16:at + 16 + size], at + 16 + size
        if kind == 1:
            value = payload[4:].decode(), bool(payload[0])
            continue
        forms, place = {}, 0
        while place < len(payload):
            type_size, form_size = struct.unpack_from("=II", payload, place)
            place += 8 + type_size + form_size
            forms[payload[place - form_size - type_size:place - form_size].decode()] = payload[place - form_size:place]
        displays.append(forms)
    return value, displays


@pytest.mark.parametrize("code, value", [
    ("1 + 1", "2"), ("x = [1]\nx * 3", "[1, 1, 1]"), ("x = 1", None), ("None", None), ("'text'", "'text'"), ("'doc'\n__doc__", "'doc'"), ("", None),
    ("for i in range(3): i", None), ("1; 2", "2"), ("(\n1 +\n2)", "3"), ("'\\udcff\\n'", r"'\udcff\n'"), ("'ä' * 3", "'äää'"),
    ("class A:\n    def __repr__(self): return 'mine'\nA()", "mine"), ("class A:\n    def __repr__(self): 1 / 0\nA()", None),
    ("from __future__ import annotations\nx: int = 3\nx", "3"), ("import sys\nsys._getframe().f_back", None), ("print('x')", None),
    ("import inspect\nlen(inspect.stack())", "1"), ("__file__, __name__", "('/app/script.py', '__main__')"), ("lambda: 0", "<function <lambda> at ")])
def test_the_value_of_the_last_expression(warden, code, value):
    result = warden.run(code, flags=VALUE)
    got, displays = read_report(result.report)
    assert (result.verdict, result.err, displays) == ("ok", "", [])
    assert got is None and value is None or got[0].startswith(value) and not got[1]


def test_a_long_value_is_cut_at_a_character(warden):
    for count, is_cut in (((64 << 10) - 2, False), ((64 << 10) - 1, True)):
        (text, was_cut), _ = read_report(warden.run(f"'x' * {count}", flags=VALUE).report)
        assert (len(text), was_cut) == (64 << 10, is_cut)
    (text, was_cut), _ = read_report(warden.run("'é' * 40000", flags=VALUE).report)
    assert text == "'" + "é" * 32767 and was_cut


@pytest.mark.parametrize("code", [
    "1 / 0", "def f():\n    return 1 / 0\nprint('before')\nf()", "import sys; sys.exit(7)", "raise SystemExit('why')", "raise KeyboardInterrupt",
    "def f(:", "return", "print('a'); import os; os._exit(3)", "import atexit; atexit.register(print, 'end')\n1/0", "import os; os.abort()",
    "import threading; threading.Thread(target=print, args=('t',)).start()\n5", "class A:\n    def __del__(self): print('del')\na = A()\n6",
    "def f(): raise ValueError('x')\ntry: f()\nexcept ValueError as e: raise KeyError from e", "import sys; sys.stdout.write('no newline'); 1/0",
    "import sys\nsys.excepthook = lambda *a: print('hook', a[0])\n1/0", "import unittest\nclass T(unittest.TestCase): pass\nunittest.main()",
    "import warnings; warnings.warn('careful', stacklevel=2)", "import logging; logging.warning('w', stack_info=True)"])
def test_a_run_whose_value_is_wanted_ends_as_any_other(warden, code):
    """With its value, and as a script whose name is another: against Python's own main."""
    plain, other = warden.run(code), warden.run(code, flags=VALUE)
    strip = re.compile(r"in \d\.\d+s|0x[0-9a-f]+")
    assert [strip.sub("", getattr(plain, name)) for name in ("verdict", "out", "err")] == [strip.sub("", getattr(other, name)) for name in ("verdict", "out", "err")]
    assert (plain.exit_code, plain.signal) == (other.exit_code, other.signal)


def test_rich_values_say_what_they_look_like(warden):
    code = ("class A:\n    def _repr_html_(self): return '<b>'\n    def _repr_png_(self): return b'\\x89'\n    def _repr_svg_(self): 1 / 0\n    def _repr_latex_(self): return None\n"
            "    def _repr_json_(self): return {'a': [1]}\n    def _repr_mimebundle_(self, **k): return {'text/x': 'y'}, {}\n    def __repr__(self): return 'A!'\nA()")
    value, displays = read_report(warden.run(code, flags=VALUE | DISPLAYS).report)
    assert value == ("A!", False)
    assert displays == [{"text/html": b"<b>", "image/png": b"\x89", "application/json": b'{"a": [1]}', "text/x": b"y", "text/plain": b"A!"}]
    assert read_report(warden.run(code, flags=VALUE).report)[1] == []
    assert read_report(warden.run(code.replace("A()", "A"), flags=VALUE | DISPLAYS).report)[1] == []  # a class is not its instance
    assert warden.run(code, flags=DISPLAYS).report == b""


def test_what_is_written_by_hand_or_by_a_child_is_only_bytes(warden):
    """The descriptor is the program's to misuse; a child's records would mix with its parent's."""
    result = warden.run("import os\nif os.fork() == 0:\n    pass\nelse:\n    os.wait()\n5", flags=VALUE)
    assert read_report(result.report) == (("5", False), [])
    for code in ("import os\nos.closerange(3, 1000)\n5", "import os, sys\nos.closerange(3, 1000)\nos.dup2(os.open('f', os.O_RDWR | os.O_CREAT), 512)\n5"):
        result = warden.run(code, records=[record(GLOB, b"f")], flags=VALUE | OUTPUTS)
        assert (result.verdict, result.err, result.report) == ("ok", "", b"") and result.files in ({}, {"f": b""})
    result = warden.run("import os\nos.write(512, b'x' * 100)\n5", flags=VALUE)
    assert result.verdict == "ok" and result.report.startswith(b"x" * 100)


def test_the_report_is_closed_in_programs_that_the_program_starts(warden):
    result = warden.run("import subprocess\nprint(subprocess.run(['ls', '/proc/self/fd'], capture_output=True, text=True).stdout.split())", flags=VALUE)
    assert result.out == "['0', '1', '2', '3']\n"


def test_figures_shown_and_left_open_come_out_as_png(warden):
    code = ("import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()\nassert plt.get_fignums() == []\n"
            "fig, ax = plt.subplots()\nax.plot([3, 2, 1])\nclosed = plt.figure()\nplt.close(closed)\nprint(plt.get_backend())")
    result = warden.run(code, flags=DISPLAYS, limits=LIBRARY_LIMITS)
    assert (result.verdict, result.err) == ("ok", ""), result.err
    _, displays = read_report(result.report)
    assert [sorted(forms) for forms in displays] == [["image/png", "text/plain"]] * 2
    assert all(forms["image/png"].startswith(PNG) for forms in displays) and displays[0] != displays[1]
    assert result.out == "module://safexec_display\n"


@pytest.mark.parametrize("code, count", [
    ("import matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt\nplt.plot([1])\n", 1),
    ("import matplotlib.pyplot as plt\nfig = plt.figure()\nfig.show()\n", 1),
    ("import matplotlib.pyplot as plt\nfig = plt.figure()\nfig.show()\nfig.gca().plot([1])\n", 2),
    ("import matplotlib.pyplot as plt\nfor i in range(3): plt.figure()\n1 / 0\n", 3),
    ("import matplotlib.pyplot as plt, sys\nplt.figure()\nsys.exit(3)\n", 1),
    ("import matplotlib.pyplot as plt\nplt.figure()\n", 1),
    ("import matplotlib.figure\nmatplotlib.figure.Figure()", 1)],
    ids=["Agg", "show", "show and change", "after an error", "after an exit", "value", "no pyplot"])
def test_every_figure_comes_out_once(warden, code, count):
    result = warden.run(code, flags=VALUE | DISPLAYS, limits=LIBRARY_LIMITS)
    assert [forms["image/png"][:8] for forms in read_report(result.report)[1]] == [PNG] * count, result.err


def test_a_table_comes_out_as_html(warden):
    result = warden.run("import pandas\npandas.DataFrame({'a': [1, 2]})", flags=VALUE | DISPLAYS, limits=LIBRARY_LIMITS)
    value, displays = read_report(result.report)
    assert value == ("   a\n0  1\n1  2", False)
    assert displays[0]["text/plain"] == value[0].encode() and b"<table" in displays[0]["text/html"]


def test_a_program_without_figures_does_not_load_matplotlib(warden):
    result = warden.run("import sys; print([name for name in sys.modules if 'matplotlib' in name or 'safexec' in name])", flags=DISPLAYS)
    assert (result.out, result.report) == ("[]\n", b"")


@pytest.fixture(scope="module")
def science():
    warden = Warden("--environment", "science", "--preload", "numpy pandas matplotlib.pyplot")
    yield warden
    warden.close()


def test_figures_come_out_where_matplotlib_is_preloaded(science):
    result = science.run("import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()\nplt.plot([2])", flags=DISPLAYS, limits=LIBRARY_LIMITS)
    assert (result.verdict, result.err, len(read_report(result.report)[1])) == ("ok", "", 2)
    result = science.run("import matplotlib.pyplot as plt\nplt.plot([1])\nprint(plt.get_backend())", limits=LIBRARY_LIMITS)
    assert (result.verdict, result.out, result.report) == ("ok", "agg\n", b"")
    assert result.place["environment"] == "science"
