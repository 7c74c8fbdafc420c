# SPDX-License-Identifier: Apache-2.0
"""A provider without cells: speaks src/wire/provider.h to a front and does what the "program" asks, so that the front can be
tested without root. A program is one line, `verb:argument`; see Cell.play for the verbs."""
import array
import os
import queue
import socket
import struct
import threading
import time

MAGIC = 0x53584543
CELL, JOB, STOP, VERDICT = 1, 2, 3, 4
STARTED, TELL = 7, 1 << 7
VERDICTS = ["ok", "error", "signal", "timeout", "cpu_timeout", "memory", "pids", "output", "disk", "refused", "internal"]
LIMITS = 11


def verdict_frame(name, exit_code=0, signal=0, may_have_run=0, reason=b"", timings=(100, 2000, 50), refused=b""):
    result = struct.pack("=IiiI5Q3Q", VERDICTS.index(name), exit_code, signal, may_have_run, 2000, 0, 0, 0, 0, *timings)
    return struct.pack("=II", MAGIC, VERDICT) + result + refused.ljust(136, b"\0") + reason.ljust(256, b"\0") + bytes(8)


class Cell:
    """The provider's end of one cell."""

    def __init__(self, provider, slot):
        self.provider, self.slot = provider, slot
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        out_read, self.out = os.pipe()
        err_read, self.err = os.pipe()
        frame = struct.pack("=IIII16s32s32sII", MAGIC, CELL, slot, provider.slots, b"fake", b"base", b"3.11.2", 0, 0)
        provider.link.sendmsg([frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [theirs.fileno(), out_read, err_read]))])
        theirs.close()
        os.close(out_read)
        os.close(err_read)

    def close_streams(self):
        for name in ("out", "err"):
            fd = getattr(self, name)
            setattr(self, name, -1)
            if fd >= 0:
                os.close(fd)

    def send(self, frame):
        try:
            self.control.send(frame)
        except OSError:
            pass

    def end(self, name, **more):
        self.close_streams()
        self.send(verdict_frame(name, **more))

    def flood(self, size):
        """Writes size bytes, or fewer when the front says stop."""
        self.control.setblocking(False)
        stopped = False
        block = b"x" * 65536
        while size > 0 and not stopped:
            try:
                size -= os.write(self.out, block[:size])
            except OSError:
                break
            try:
                stopped = struct.unpack("=IIII", self.control.recv(64))[1] == STOP
            except BlockingIOError:
                pass
            except (OSError, struct.error):
                break
        self.control.setblocking(True)
        self.end("output" if stopped else "ok")
        self.provider.events.put(("flooded", stopped))

    def play(self, code, flags):
        verb, _, argument = code.partition(":")
        text = argument.encode("utf-8", "surrogateescape")
        if verb == "ok":
            os.write(self.out, text)
            self.end("ok")
        elif verb == "hex":
            os.write(self.out, bytes.fromhex(argument))
            self.end("ok")
        elif verb == "pieces":
            for piece in argument.split(","):
                os.write(self.out, bytes.fromhex(piece))
                time.sleep(0.03)
            self.end("ok")
        elif verb == "code":
            os.write(self.out, f"{len(code)} {flags}".encode())
            self.end("ok")
        elif verb == "error":
            os.write(self.out, b"before\n")
            os.write(self.err, text)
            self.end("error", exit_code=1)
        elif verb == "exit":
            self.end("error", exit_code=int(argument))
        elif verb == "signal":
            self.end("signal", exit_code=-1, signal=int(argument))
        elif verb == "verdict":
            name, _, stderr = argument.partition(":")
            os.write(self.out, b"so far")
            os.write(self.err, stderr.encode())
            self.end(name, exit_code=-1, reason=b"because of a test")
        elif verb == "out":
            self.flood(int(argument))
        elif verb == "late":
            self.send(verdict_frame("ok"))
            time.sleep(0.05)
            os.write(self.out, text)
            self.close_streams()
        elif verb == "keepopen":
            self.send(verdict_frame("ok"))
            self.control.recv(64)
            self.close_streams()
        elif verb == "wait":
            self.provider.events.put(("waiting", argument))
            self.control.settimeout(30)
            what = self.control.recv(64)
            self.provider.events.put(("closed" if what == b"" else "frame", argument, time.monotonic()))
            self.close_streams()
        elif verb == "hold":
            self.provider.events.put(("holding", argument))
            self.provider.release.wait(30)
            os.write(self.out, text)
            self.end("ok")
        elif verb == "die":
            self.close_streams()
        elif verb == "garbage":
            self.send(b"\x01" * 344)
            self.control.recv(64)
            self.close_streams()
        elif verb == "badverdict":
            self.send(verdict_frame("ok")[:8] + struct.pack("=I", 99) + verdict_frame("ok")[12:])
            self.control.recv(64)
            self.close_streams()
        else:
            os.write(self.err, b"unknown verb")
            self.end("error", exit_code=1)

    def serve(self):
        try:
            data, ancillary, _, _ = self.control.recvmsg(1024, socket.CMSG_SPACE(32))
            if not data:
                return
            magic, kind, flags, zero = struct.unpack_from("=IIII", data)
            assert (magic, kind, zero, len(data)) == (MAGIC, JOB, 0, 16 + 8 * LIMITS), data
            code_fd, = array.array("i", ancillary[0][2])
            with os.fdopen(code_fd, "rb") as f:
                code = f.read().decode("utf-8")
            if flags & TELL:
                self.send(struct.pack("=II", MAGIC, STARTED))
            self.play(code, flags & ~TELL)
        except OSError:
            pass
        finally:
            self.close_streams()
            self.control.close()
            self.provider.refill(self.slot)


class FakeProvider:
    """Holds `slots` cells ready on a link; `end` is the front's end of it."""

    def __init__(self, slots=2):
        self.slots = slots
        self.link, self.end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.events = queue.Queue()
        self.release = threading.Event()
        self.is_refilling = True
        self.cells = {}

    def refill(self, slot):
        if not self.is_refilling:
            return
        try:
            cell = Cell(self, slot)
        except OSError:
            return  # the front is gone
        self.cells[slot] = cell
        threading.Thread(target=cell.serve, daemon=True).start()

    def start(self):
        for slot in range(self.slots):
            self.refill(slot)

    def end_link(self):
        self.is_refilling = False
        self.link.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.is_refilling = False
        self.release.set()
        self.link.close()
