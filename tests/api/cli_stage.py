# SPDX-License-Identifier: Apache-2.0
"""The supervisor on a stage: `safexec serve` beside programs that tell what happens to them and do as they are told (fake_programs.py)."""
import json
import pathlib
import queue
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

import pytest

import harness

SAFEXEC = harness.BUILD / "safexec"
HERE = pathlib.Path(__file__).parent
WAIT_S = 20


def safexec(*args, **more):
    return subprocess.run([SAFEXEC, *args], stdin=more.pop("stdin", subprocess.DEVNULL), capture_output=True, text=True, timeout=WAIT_S,
                          **more)


class Stage:
    """A copy of safexec with stand-ins beside it; see fake_programs.py."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        shutil.copy(SAFEXEC, self.folder / "safexec")
        for name in ("safexec-warden", "safexec-docker", "safexecd", "safexec-store", "safexec-sender"):
            text = (HERE / "fake_programs.py").read_text()
            (self.folder / name).write_text("#!/usr/bin/python3 -I\n" + text)
            (self.folder / name).chmod(0o755)
        self.events = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.events.bind(str(self.folder / "events"))
        self.queue = queue.SimpleQueue()
        self.reader = threading.Thread(target=self._read_events)  # at once: only ten datagrams wait before a sender does
        self.reader.start()
        self.order()
        self.process, self.seen = None, []

    def _read_events(self):
        while event := self.events.recv(65536):
            self.queue.put(json.loads(event))

    def order(self, warden=None, front=None, store=None):
        new = self.folder / "orders.new"
        new.write_text(json.dumps({"safexec-warden": warden or {}, "safexecd": front or {}, "safexec-store": store or {}}))
        new.rename(self.folder / "orders.json")

    def serve(self, *options, **more):
        self.process = subprocess.Popen([self.folder / "safexec", "serve", "--listen", "127.0.0.1:0", *options], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
        return self.process

    def wait(self, who, what):
        """The next such event; the others on the way are kept in `seen`."""
        while True:
            event = self.queue.get(timeout=WAIT_S)
            self.seen.append(event)
            if (event["who"], event["what"]) == (who, what):
                return event

    def wait_serving(self):
        """The starts of warden and front, once they are linked."""
        warden = self.wait("safexec-warden", "start")
        front = self.wait("safexecd", "start")
        self.wait("safexecd", "linked")
        return warden, front

    def url(self):
        return re.fullmatch(r"Listening on (http://127\.0\.0\.1:\d+)/\n", self.process.stdout.readline())[1]

    def end(self):
        """Waits for the end: its exit status and what it printed on standard error."""
        _, error = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, error

    def drain(self):
        """All events so far, in short. Complete once the processes have ended."""
        if self.reader.is_alive():
            self.events.sendto(b"", str(self.folder / "events"))  # behind all that was sent before
            self.reader.join()
        while not self.queue.empty():
            self.seen.append(self.queue.get())
        return [(event["who"], event["what"]) for event in self.seen]

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        # Whatever way a test took: the kernel ends them with their parent, so none is left.
        for pid in {event["pid"] for event in self.seen}:
            harness.wait_until(lambda: str(self.folder) not in harness.read_text(f"/proc/{pid}/cmdline"), WAIT_S, f"end of {pid}")
        self.drain()
        self.events.close()


@pytest.fixture
def stage():
    with tempfile.TemporaryDirectory(prefix="safexec-") as folder:
        made = Stage(folder)
        try:
            yield made
        finally:
            made.close()


def arguments(event):
    assert len(event["args"]) % 2 == 0
    return dict(zip(event["args"][::2], event["args"][1::2]))


def reload(stage, front):
    """Reloads, waits until the first front has ended and the next is linked; the starts of the new warden and the new front."""
    stage.seen.clear()
    stage.process.send_signal(signal.SIGHUP)
    def has(what, is_first):
        return any((event["who"], event["what"], event["pid"] == front["pid"]) == ("safexecd", what, is_first) for event in stage.seen)

    for what, is_first in (("end", True), ("linked", False)):
        while not has(what, is_first):
            stage.wait("safexecd", what)
    assert [event["pid"] for event in stage.seen if (event["who"], event["what"]) == ("safexecd", "end")] == [front["pid"]]
    return [event for event in stage.seen if event["what"] == "start"]
