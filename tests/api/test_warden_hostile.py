# SPDX-License-Identifier: Apache-2.0
"""The native provider's warden and a front, or somebody in its place, that means harm: frames that it did not offer to take are refused with
their descriptors, and no number of them makes it grow."""
import array
import os
import pathlib
import re
import select
import socket
import struct

import harness
import pytest

from cell_client import JOB, LIMITS, MAGIC, STARTED, STOP, VERDICT, Warden, receive, sealed

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make sandboxes here")

FIRST_BLOCK, MAPPED = 0x77000000, 3072
JOB_FRAME = struct.pack("=IIII11Q", MAGIC, JOB, 0, 0, *LIMITS.values())


@pytest.fixture(scope="module")
def warden():
    warden = Warden()
    yield warden
    warden.close()


def resident_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def rights(*fds):
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]


def is_closed(cell, seconds=20):
    """Without a verdict, and whatever the program might have printed."""
    assert select.select([cell.control], [], [], seconds)[0], "the warden says nothing"
    try:
        return cell.control.recv(4096) == b""
    except ConnectionResetError:
        return True


def send_as(user, cell, frame, ancillary):
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(user, user, user)
            cell.control.sendmsg([frame], ancillary)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("user", [FIRST_BLOCK + 1000, FIRST_BLOCK + 2000, FIRST_BLOCK, 65534, 1000], ids=["a guest", "an init", "the zygote", "nobody", "a user"])
def test_a_job_of_somebody_who_is_not_the_front_is_not_run(warden, user):
    cell, code = warden.take_cell(), sealed(b"print('ran')")
    send_as(user, cell, JOB_FRAME, rights(code))
    assert is_closed(cell) and os.read(cell.out, 100) == b""
    cell.close()
    assert warden.run("print(1)").out == "1\n"
    os.close(code)


def test_a_stop_of_somebody_else_ends_the_run_of_a_front_that_gives_its_socket_away(warden):
    cell = warden.take_cell()
    cell.start("import time\ntime.sleep(20)")
    send_as(65534, cell, struct.pack("=IIII", MAGIC, STOP, 7, 0), [])
    assert cell.finish().verdict == "internal"
    assert warden.run("print(1)").out == "1\n"


HOSTILE = {
    "nothing with a descriptor": (b"", 1), "a byte": (b"x", 0), "all zero": (bytes(len(JOB_FRAME)), 1), "too short": (JOB_FRAME[:-1], 1),
    "too long": (JOB_FRAME + b"\0", 1), "the longest": (bytes(1024), 0), "longer than any": (bytes(5000), 2), "another magic": (b"\xff" + JOB_FRAME[1:], 1),
    "another type": (JOB_FRAME[:4] + struct.pack("=I", VERDICT) + JOB_FRAME[8:], 1), "three descriptors": (JOB_FRAME, 3), "very many": (JOB_FRAME, 200),
    "a stop before the job": (struct.pack("=IIII", MAGIC, STOP, 7, 0), 0), "a start": (struct.pack("=II", MAGIC, STARTED), 0)}


@pytest.mark.parametrize("frame, count", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_frame_that_is_none_ends_its_cell_alone(warden, frame, count):
    cell, code = warden.take_cell(), sealed(b"print('ran')")
    cell.control.sendmsg([frame], rights(*[code] * count) if count else [])
    assert is_closed(cell) and os.read(cell.out, 100) == b""
    cell.close()
    os.close(code)
    assert warden.run("print(1)").out == "1\n"


def flood_of_frames(warden, code):
    """As many as the kernel takes, of all kinds, each with descriptors."""
    cell = warden.take_cell()
    cell.control.setblocking(False)
    try:
        for number in range(2000):
            frame, count = list(HOSTILE.values())[number % len(HOSTILE)]
            cell.control.sendmsg([frame], rights(*[code] * min(count, 12)) if count else [])
    except OSError:  # full, or closed already
        pass
    cell.close()


def flood_of_a_guest(warden):
    cell = warden.take_cell()
    cell.start("import ctypes, os, threading\nlibc = ctypes.CDLL(None)\ndef f():\n while True: libc.syscall(101, 0), libc.syscall(111, 0x5AFE0E7D1A57CA11)\n"
               "for _ in range(40): threading.Thread(target=f).start()\nwhile True: libc.syscall(165, 0, 0, 0)",
               limits={"wall_ms": 600, "cpu_millis": 1000})
    result = cell.finish()
    assert result.verdict == "timeout" and result.refused_sum > 0


def test_floods_leave_the_warden_as_large_as_it_was(warden):
    code, pid = sealed(b"print('ran')"), warden.process.pid

    def flood(rounds):
        for _ in range(rounds):
            flood_of_frames(warden, code)
            flood_of_a_guest(warden)
        return [warden.take_cell() for _ in range(2)]  # a cell is ready in each slot

    def close(cells):
        for cell in cells:
            cell.close()

    cells = flood(2)
    most, open_ones = resident_kib(pid) + 512, descriptors(pid) + 4  # of a cell's ends some are closed a moment later
    close(cells)
    cells = flood(4)
    harness.wait_until(lambda: resident_kib(pid) <= most and descriptors(pid) <= open_ones, 10, "the warden to be as before")
    close(cells)
    os.close(code)
