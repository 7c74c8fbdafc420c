# SPDX-License-Identifier: Apache-2.0
"""How much of the kernel a run can call, read from the filters that really hold a process: `make reach` prints it for a guest and,
where a Docker Engine can be started, for a container with Docker's default profile.

The kernel gives a traced process's filters back (PTRACE_SECCOMP_GET_FILTER, ptrace(2)); each is followed for every call's number with
its arguments unknown, so that a call is `free`, `conditional` (some arguments only) or refused."""

import ctypes
import json
import os
import pathlib
import re
import signal
import struct
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import docker_engine  # noqa: E402
import harness  # noqa: E402

HEADER = pathlib.Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
ARCH_X86_64 = 0xC000003E
ALLOW = 0x7FFF0000  # all else is refused: by an errno, a listener that says one, or a tracer that is not there
ATTACH, DETACH, GET_FILTER = 16, 17, 0x420C
LD_ABS, AND, JA, RET = 0x20, 0x54, 0x05, 0x06
JUMPS = {0x15: lambda a, k: a == k, 0x25: lambda a, k: a > k, 0x35: lambda a, k: a >= k, 0x45: lambda a, k: a & k != 0}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def call_names():
    """Number to name, as this system's headers know them."""
    rows = re.findall(r"^#define __NR_(\w+)\s+(\d+)$", HEADER.read_text(), re.M)
    return {int(number): name for name, number in rows}


def _ptrace(request, pid, at=None, data=None):
    result = _libc.ptrace(request, pid, at, data)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"ptrace request {request} of {pid}: {os.strerror(ctypes.get_errno())}")
    return result


def filters_of(pid):
    """The filters of a process, the last loaded first: lists of (code, jump if true, jump if false, k)."""
    _ptrace(ATTACH, pid)
    try:
        os.waitpid(pid, 0x40000000)  # __WALL
        found = []
        while True:
            try:
                rows = _ptrace(GET_FILTER, pid, len(found))
            except FileNotFoundError:  # ENOENT: no more
                return found
            program = ctypes.create_string_buffer(8 * rows)
            _ptrace(GET_FILTER, pid, len(found), ctypes.addressof(program))
            found.append([struct.unpack_from("=HBBI", program, 8 * i) for i in range(rows)])
    finally:
        _ptrace(DETACH, pid)  # and it goes on


def answers(program, number, arch=ARCH_X86_64):
    """All actions that the filter can return for a call of that number, whatever its arguments."""
    found, seen, todo = set(), set(), [(0, 0)]  # where, and the accumulator, None when it is unknown
    while todo:
        state = todo.pop()
        if state in seen:
            continue
        seen.add(state)
        at, a = state
        code, yes, no, k = program[at]
        if code == RET:
            found.add(k)
        elif code == LD_ABS:
            todo.append((at + 1, {0: number, 4: arch}.get(k)))
        elif code == AND:
            todo.append((at + 1, None if a is None else a & k))
        elif code == JA:
            todo.append((at + 1 + k, a))
        elif code in JUMPS:
            ways = {True, False} if a is None else {JUMPS[code](a, k)}
            todo += [(at + 1 + (yes if way else no), a) for way in ways]
        else:
            raise ValueError(f"instruction {code:#x} is unknown here")
    return found


def reach(filters, numbers):
    """Number to "free", "conditional" or "refused"."""
    kinds = {}
    for number in numbers:
        each = [answers(program, number) for program in filters]
        if not all(ALLOW in actions for actions in each):
            kinds[number] = "refused"
        else:
            kinds[number] = "free" if all(actions == {ALLOW} for actions in each) else "conditional"
    return kinds


def names_of(kinds, wanted, names):
    return sorted(names[number] for number, kind in kinds.items() if kind == wanted)


def _print_column(title, kinds, names):
    count = {kind: len(names_of(kinds, kind, names)) for kind in ("free", "conditional", "refused")}
    print(f"{title}: of {len(kinds)} calls {count['free'] + count['conditional']} can be reached", end="")
    print(f" ({count['free']} with any arguments, {count['conditional']} with some), {count['refused']} are refused")
    print("  with some arguments:", " ".join(names_of(kinds, "conditional", names)) or "none")


def _print_difference(title, these, others, names):
    more = sorted(names[n] for n in these if these[n] != "refused" and others[n] == "refused")
    print(f"{title} ({len(more)}):", " ".join(more) or "none")


def guest_filters(server):
    """Of a guest that runs now."""
    mark = f"reach{os.getpid()}"
    code = f"import ctypes, time; ctypes.CDLL(None).prctl(15, b'{mark}'); time.sleep(8)"
    asking = threading.Thread(target=lambda: server.post({"code": code}))
    asking.start()
    guest = harness.wait_until(lambda: harness.processes_with(mark), 5, "a guest to look at")[0]
    try:
        return filters_of(guest.pid)
    finally:
        os.kill(guest.pid, signal.SIGKILL)
        asking.join()


def container_filters(engine):
    """Of a container as `docker run` makes it, with the Engine's default profile."""
    body = json.dumps({"Image": docker_engine.IMAGE, "Cmd": ["sleep", "60"], "NetworkDisabled": True}).encode()
    status, made = engine.call("POST", "/containers/create", body, {"Content-Type": "application/json"})
    assert status == 201, made
    try:
        assert engine.call("POST", f"/containers/{made['Id']}/start")[0] == 204
        return filters_of(engine.call("GET", f"/containers/{made['Id']}/json")[1]["State"]["Pid"])
    finally:
        engine.call("DELETE", f"/containers/{made['Id']}?force=1")


def main():
    names = call_names()
    server = harness.Server("--slots", "1").wait_ready()
    ours = reach(guest_filters(server), names)
    server.stop()
    _print_column("a run", ours, names)
    missing = docker_engine.what_is_missing()
    if missing:
        print(f"Docker's default profile was not looked at: {missing}")
        return
    engine = docker_engine.Engine()
    try:
        theirs = reach(container_filters(engine), names)
    finally:
        engine.stop()
    _print_column("a container with Docker's default profile", theirs, names)
    _print_difference("a container reaches and a run does not", theirs, ours, names)
    _print_difference("a run reaches and a container does not", ours, theirs, names)


if __name__ == "__main__":
    main()
