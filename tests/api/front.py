# SPDX-License-Identifier: Apache-2.0
"""The front alone, before a provider that is a script (fake_provider.py). Needs no root; as root the front drops to nobody, as it does
under the supervisor."""
import os
import socket
import subprocess
import threading
import time

import requests
from fake_provider import FakeProvider

PROGRAM = os.path.join(os.environ.get("SAFEXEC_BUILD", "build"), "safexecd")
MIB = 1 << 20
# As root the front becomes nobody, else it stays who we are.
IDS = ["--uid", "65534", "--gid", "65534"] if os.geteuid() == 0 else ["--uid", str(os.getuid()), "--gid", str(os.getgid())]
# Looking for leaks at the end takes ptrace, which the front cannot call; the unit tests look for them.
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


class Front:
    def __init__(self, *options, slots=2):
        self.provider = FakeProvider(slots)
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = listener.getsockname()[1]
        self.name = f"127.0.0.1:{self.port}"
        fds = (listener.fileno(), self.provider.end.fileno())
        self.process = subprocess.Popen(
            [PROGRAM, "--listen-fd", str(fds[0]), "--provider-fd", str(fds[1]), "--listen-name", self.name, *IDS, *options],
            pass_fds=fds, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        listener.close()
        self.provider.end.close()
        self.provider.start()
        self.first_line = self.process.stderr.readline()

    def url(self, path="/run"):
        return f"http://{self.name}{path}"

    def run(self, code, **more):
        return requests.post(self.url(), json={"code": code}, timeout=30, **more)

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def close(self):
        self.provider.close()
        self.process.terminate()
        _, rest = self.process.communicate(timeout=10)
        return self.process.returncode, rest


def raw_request(body=b"", head=b"POST /run HTTP/1.1\r\n", host=b"Host: localhost\r\n", headers=b"Content-Type: application/json\r\n",
                length=True):
    size = b"Content-Length: %d\r\n" % len(body) if length else b""
    return head + host + headers + size + b"\r\n" + body


def read_reply(file, has_body=True):
    """One reply from a socket's file: status, headers, body."""
    line = file.readline()
    if not line:
        return None, {}, b""
    headers = {}
    for field in iter(file.readline, b"\r\n"):
        if not field:
            break
        name, _, value = field.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(line.split()[1]), headers, file.read(int(headers.get("content-length", 0)) if has_body else 0)


def exchange(front, data):
    with front.connect() as client:
        client.sendall(data)
        return read_reply(client.makefile("rb"), not data.startswith(b"HEAD "))


def drain(events):
    while not events.empty():
        events.get_nowait()


def check_failure(response, status, message=None):
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    answer = response.json()
    assert set(answer) == {"success", "error"} and answer["success"] is False
    if message:
        assert message in answer["error"]


def wait_for_event(front, what):
    """The next event of that kind; what the provider still had to say of earlier runs is passed over."""
    event = None
    while not event or event[0] != what:
        event = front.provider.events.get(timeout=5)
    return event


def hold(front, count):
    """Fills `count` cells and returns their threads' results."""
    results, threads = [], []
    front.provider.release.clear()
    drain(front.provider.events)
    for number in range(count):
        threads.append(threading.Thread(target=lambda: results.append(front.run("hold:held"))))
        threads[-1].start()
        wait_for_event(front, "holding")
    return results, threads


def let_go(front, threads):
    front.provider.release.set()
    for thread in threads:
        thread.join(10)


def check_leaving_cancels(front, is_reset, at_most_s=0.1):
    """A client whose run is under way closes its connection, or resets it."""
    drain(front.provider.events)
    client = front.connect()
    client.sendall(raw_request(b'{"code": "wait:x"}'))
    wait_for_event(front, "waiting")
    if is_reset:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    left_at = time.monotonic()
    client.close()
    _, _, closed_at = wait_for_event(front, "closed")
    assert closed_at - left_at < at_most_s
