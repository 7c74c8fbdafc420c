# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for safexec-warden, safexecd, safexec-store and safexec-sender that tell a test what happens to them, so that the supervisor can be tested without
root. A test copies this file beside a copy of `safexec` under both names; each line that a stand-in reports is one datagram to the
socket `events` in the same folder, and what it shall do is in `orders.json` there (read at each start)."""
import array
import contextlib
import ctypes
import json
import os
import pathlib
import select
import signal
import socket
import struct
import sys
import time

HERE = pathlib.Path(__file__).parent
NAME = pathlib.Path(__file__).name
MAGIC, READY, FRONT = 0x53584543, 5, 6
STORE_MAGIC, STORE_UP = 0x53585354, 16
PR_SET_PDEATHSIG = 1

events = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


def tell(what, **more):
    events.sendto(json.dumps({"who": NAME, "pid": os.getpid(), "what": what, **more}).encode(), str(HERE / "events"))


def option(name):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None


def start(orders):
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    tell("start", args=sys.argv[1:], environment=dict(os.environ), fds=sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:-1],
         stdin=os.readlink("/proc/self/fd/0"), group=os.getpgrp())
    if "exit" in orders:
        tell("end", status=orders["exit"])
        if orders["exit"] == 3:
            print("safexec-warden: This machine is made of cheese.", file=sys.stderr)
        sys.exit(orders["exit"])
    return wake_read


def on_signal(number, orders):
    """Returns only when the orders say not to end."""
    tell(signal.Signals(number).name.lower())
    if orders.get("on_sigterm") == "stay":
        return
    time.sleep(orders.get("end_after_s", 0))
    tell("end", status=orders.get("end_status", 0))
    sys.exit(orders.get("end_status", 0))


def warden(orders):
    wake = start(orders)
    supervisor = socket.socket(fileno=int(option("--supervisor-fd")))
    if "bytes_first" in orders:
        supervisor.send(bytes.fromhex(orders["bytes_first"]))
    elif not orders.get("is_silent"):
        supervisor.send(struct.pack("=IIII", MAGIC, READY, *orders.get("ids", [os.getuid() or 12345, os.getgid() or 12345])))
    links = []
    while True:
        ready, _, _ = select.select([wake, supervisor], [], [])
        if wake in ready:
            on_signal(os.read(wake, 1)[0], orders)
        if supervisor in ready:
            frame, ancillary, _, _ = supervisor.recvmsg(64, socket.CMSG_SPACE(16))
            if not frame:
                tell("orphaned")
                sys.exit(1)
            fds = [fd for _, _, data in ancillary for fd in array.array("i", data)]
            links += fds
            os.write(0 if not fds else 2, b"")
            tell("front", frame=frame.hex(), fds=len(fds))
            for fd in fds:
                socket.socket(fileno=os.dup(fd)).send(b"link")


def front(orders):
    wake = start(orders)
    listener = socket.socket(fileno=int(option("--listen-fd")))
    link = socket.socket(fileno=int(option("--provider-fd")))
    listener.setblocking(False)
    sources = [wake, listener, link]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if wake in ready:
            on_signal(os.read(wake, 1)[0], orders)
        if link in ready:
            if link.recv(64):
                tell("linked")
            elif orders.get("on_unlinked") == "stay":
                tell("unlinked")
                sources.remove(link)
            else:
                tell("end", status=0)
                sys.exit(0)
        if listener in ready:
            connection = listener.accept()[0]
            connection.recv(65536)
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
            connection.close()


def helper(orders):
    """Tells of its start, its links and its end only when it has orders: most tests are about the others."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    supervisor = socket.socket(fileno=int(option("--supervisor-fd")))
    say = tell if orders else lambda *_, **__: None
    say("start", args=sys.argv[1:])
    if "exit" in orders:
        sys.exit(orders["exit"])
    if NAME == "safexec-store":
        with contextlib.suppress(BrokenPipeError):  # of a supervisor that has just reloaded
            supervisor.send(struct.pack("=IIQiI", STORE_MAGIC, STORE_UP, 0, orders.get("status", 0), orders.get("keys", 0)))
    while True:
        frame, ancillary, _, _ = supervisor.recvmsg(64, socket.CMSG_SPACE(16))
        if not frame:
            sys.exit(0)
        say("link", frame=frame.hex(), fds=sum(len(data) // 4 for _, _, data in ancillary))


if __name__ == "__main__":
    orders_of_all = json.loads((HERE / "orders.json").read_text())
    {"safexec-warden": warden, "safexec-docker": warden, "safexecd": front, "safexec-store": helper,
     "safexec-sender": helper}[NAME](orders_of_all.get(NAME, {}))
