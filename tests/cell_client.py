# SPDX-License-Identifier: Apache-2.0
"""Speaks src/wire/provider.h to a real warden, as supervisor and front in one: what a cell does with a job, without HTTP."""
import array
import itertools
import os
import select
import socket
import struct
import subprocess
import time

from harness import BUILD

MAGIC, BUNDLE_MAGIC = 0x53584543, 0x454C444E55424153
CELL, JOB, STOP, VERDICT, READY, FRONT, STARTED, ENVIRONMENT = range(1, 9)
READ_ONLY, STDIN, BUNDLE, OUTPUTS, VALUE, DISPLAYS, CHECK, TELL = (1 << bit for bit in range(8))
ENTRY, FILE, ARG, ENV, GLOB, LEFT_OUT, MORE = range(1, 8)
VERDICTS = ["ok", "error", "signal", "timeout", "cpu_timeout", "memory", "pids", "output", "disk", "refused", "internal"]
LIMITS = {"code_chars": 5000, "wall_ms": 10000, "cpu_ms": 10000, "memory_bytes": 128 << 20, "cpu_millis": 500, "pids": 64, "output_bytes": 1 << 20,
          "disk_bytes": 16 << 20, "disk_files": 4096, "open_files": 1024, "file_bytes": 16 << 20}
ALL_SEALS = 0xF


def sealed(data):
    import fcntl

    fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(data)
    os.lseek(fd, 0, os.SEEK_SET)
    fcntl.fcntl(fd, 1033, ALL_SEALS)  # F_ADD_SEALS
    return fd


def record(kind, name=b"", data=b"", size=None):
    return struct.pack("=IIQ", kind, len(name), len(data) if size is None else size) + name + b"\0" + data + b"\0"


def bundle(*records):
    return struct.pack("=Q", BUNDLE_MAGIC) + b"".join(records)


def read_bundle(data):
    assert struct.unpack_from("=Q", data)[0] == BUNDLE_MAGIC
    at, records = 8, []
    while at < len(data):
        kind, name_size, size = struct.unpack_from("=IIQ", data, at)
        at += 16
        name = data[at:at + name_size]
        at += name_size + 1
        stored = size if kind in (FILE, ARG, ENV) else 0
        records.append((kind, name, data[at:at + stored] if kind in (FILE, ARG, ENV) else size))
        at += stored + 1
    return records


def receive(sock, size=4096, fds=4):
    data, ancillary, _, _ = sock.recvmsg(size, socket.CMSG_SPACE(4 * fds))
    got = array.array("i")
    for _, _, raw in ancillary:
        got.frombytes(raw[:len(raw) - len(raw) % 4])
    return data, list(got)


class Result:
    """What is known of a run: verdict, exit_code, signal, out, err, files (path to bytes, or a size where left out), report."""


counter = itertools.count()


class Warden:
    def __init__(self, *options):
        self.supervisor, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.link, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen([BUILD / "safexec-warden", "--supervisor-fd", str(theirs.fileno()), "--name", f"lower-{os.getpid()}-{next(counter)}",
                                         "--slots", "2", *options], pass_fds=[theirs.fileno()], stderr=subprocess.PIPE)
        theirs.close()
        self.supervisor.settimeout(60)
        data, _ = receive(self.supervisor)
        if not data:
            raise RuntimeError(self.process.communicate()[1].decode())
        assert struct.unpack_from("=II", data) == (MAGIC, READY)
        self.supervisor.sendmsg([struct.pack("=II", MAGIC, FRONT)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [far.fileno()]))])
        far.close()
        self.link.settimeout(60)

    def close(self):
        self.supervisor.close()
        self.link.close()
        self.process.stderr.close()
        self.process.wait(30)

    def take_cell(self):
        data = None
        while data is None or struct.unpack_from("=II", data)[1] == ENVIRONMENT:
            data, fds = receive(self.link)
        magic, kind, slot, slots, provider, environment, python, layers, zero = struct.unpack("=IIII16s32s32sII", data)
        assert (magic, kind, zero) == (MAGIC, CELL, 0) and len(fds) == 3
        return Cell(fds, {"provider": provider.rstrip(b"\0").decode(), "environment": environment.rstrip(b"\0").decode(),
                          "python": python.rstrip(b"\0").decode(), "layers": layers})

    def run(self, code=None, *, records=(), files=None, flags=0, stdin=None, limits=None, timeout=30):
        cell = self.take_cell()
        cell.start(code, records=records, files=files, flags=flags, stdin=stdin, limits=limits)
        return cell.finish(timeout)


class Cell:
    def __init__(self, fds, place):
        self.control = socket.socket(fileno=fds[0])
        self.out, self.err, self.report = fds[1], fds[2], -1
        self.place = place

    def start(self, code=None, *, records=(), files=None, flags=0, stdin=None, limits=None):
        records = list(records)
        if files or records:
            if code is not None:
                records.append(record(FILE, b"script.py", code.encode()))
            records += [record(FILE, name.encode(), data) for name, data in (files or {}).items()]
            flags |= BUNDLE
            program = sealed(bundle(*records))
        else:
            program = sealed(code.encode())
        fds = [program]
        if stdin is not None:
            flags |= STDIN
            fds.append(sealed(stdin))
        if flags & (VALUE | DISPLAYS):
            flags |= TELL
        values = dict(LIMITS, **(limits or {}))
        frame = struct.pack("=IIII11Q", MAGIC, JOB, flags, 0, *values.values())
        self.control.sendmsg([frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
        for fd in fds:
            os.close(fd)

    def finish(self, timeout=30):
        result, until = Result(), time.monotonic() + timeout
        streams = {self.out: b"", self.err: b""}
        order, verdict = [], None
        result.was_told, result.files, result.more = False, None, False
        while verdict is None or streams.keys() - {fd for fd, ended in order if ended}:
            ended = {fd for fd, is_end in order if is_end}
            waiting = [fd for fd in streams if fd not in ended] + ([self.control] if verdict is None else [])
            ready, _, _ = select.select(waiting, [], [], max(0, until - time.monotonic()))
            assert ready, "the run does not end"
            for fd in ready:
                if fd is self.control:
                    data, fds = receive(self.control)
                    assert data, "the provider closed the cell"
                    kind = struct.unpack_from("=II", data)[1]
                    if kind == STARTED:
                        result.was_told = True
                        if fds:
                            self.report = fds[0]
                            streams[self.report] = b""
                        continue
                    assert kind == VERDICT
                    verdict = data
                    if fds:
                        with os.fdopen(fds[0], "rb") as file:
                            found = read_bundle(file.read())
                        result.files = {name.decode("utf-8", "surrogateescape"): data for kind, name, data in found if kind != MORE}
                        result.more = any(kind == MORE for kind, _, _ in found)
                else:
                    piece = os.read(fd, 65536)
                    streams[fd] += piece
                    if not piece:
                        order.append((fd, True))
        number, result.exit_code, result.signal, result.may_have_run, *usage = struct.unpack_from("=IiiI5Q3Q", verdict, 8)
        result.verdict = VERDICTS[number]
        refused = struct.unpack_from("=32I2I", verdict, 8 + 16 + 64)
        result.refused_sum = sum(refused[1:32:2]) + refused[32]
        result.reason = verdict[8 + 16 + 64 + 136:].rstrip(b"\0").decode()
        result.usage = dict(zip(("wall_us", "cpu_user_us", "cpu_system_us", "memory_peak_bytes", "pids_peak", "setup_us", "run_us", "collect_us"), usage))
        result.out, result.err = streams[self.out].decode("utf-8", "replace"), streams[self.err].decode("utf-8", "replace")
        result.report = streams.get(self.report, b"")
        result.place = self.place
        self.close()
        return result

    def close(self):
        for fd in (self.out, self.err, self.report):
            if fd >= 0:
                os.close(fd)
        self.control.close()
