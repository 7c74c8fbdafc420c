# SPDX-License-Identifier: Apache-2.0
"""A Docker Engine of the tests' own: its socket, data and state lie in one temporary folder, it touches no network of the host, and
nothing of it is left. The image is built from Debian packages, because nothing can be pulled; the tar file is kept under build/."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.parse

import harness

IMAGE = "python:3.11-slim"
IMAGE_TAR = harness.ROOT / "build" / "docker-image.tar"
BUILD_IMAGE = harness.ROOT / "tests" / "docker" / "build_image"
IMAGE_CHANGES = ["CMD python3", "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8"]
TOOLS = ("dockerd", "containerd", "runc", "unshare", "setpriv")
START_S = 30


def what_is_missing():
    """A sentence when no Engine can be started here, else None."""
    if os.geteuid() != 0:
        return "a Docker Engine needs root"
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"{', '.join(missing)} not found: Debian's docker.io brings them"
    if not IMAGE_TAR.exists() and not shutil.which("mmdebstrap"):
        return "mmdebstrap not found: it builds the image"
    return None


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("engine", timeout=60)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Engine:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="safexec-engine-"))
        self.socket = self.folder / "docker.sock"
        self.host = f"unix://{self.socket}"
        self.process = None
        self.log = open(self.folder / "log", "w+", encoding="utf-8")
        command = ["unshare", "--mount", "--propagation", "private", "setpriv", "--pdeathsig", "TERM", "dockerd", "--host", self.host]
        command += ["--data-root", self.folder / "data", "--exec-root", self.folder / "exec", "--pidfile", self.folder / "pid"]
        command += ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-masq=false", "--ip-forward=false"]
        if shutil.which("runsc"):  # gVisor; Debian's wants to be told that there is no network to take over
            (self.folder / "runsc").write_text('#!/bin/sh\nexec runsc --network=none "$@"\n')
            (self.folder / "runsc").chmod(0o755)
            command += ["--add-runtime", f"runsc={self.folder}/runsc"]
        command += ["--storage-driver=overlay2", "--exec-opt", "native.cgroupdriver=cgroupfs", "--log-level=warn"]
        self.command = command
        try:
            self.start()
            self.bring_image()
        except BaseException as e:
            self.log.seek(0)
            log = self.log.read()[-2000:]
            self.stop()
            raise RuntimeError(f"the Engine does not work here: {e}; its log: {log}") from e

    def start(self):
        """Also again, once it has ended, with what it had before."""
        (self.folder / "pid").unlink(missing_ok=True)  # of one that was killed
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        harness.wait_until(self.answers, START_S, "the Engine answers")

    def call(self, method, path, body=None, headers=None):
        """Status, and the answer as JSON, or as text when it is none."""
        with contextlib.closing(Connection(self.socket)) as connection:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text

    def answers(self):
        assert self.process.poll() is None, f"dockerd ended with status {self.process.returncode}"
        with contextlib.suppress(OSError):
            return self.call("GET", "/_ping")[0] == 200

    def bring_image(self):
        if not IMAGE_TAR.exists():
            IMAGE_TAR.parent.mkdir(exist_ok=True)
            subprocess.run([BUILD_IMAGE, IMAGE_TAR], check=True, timeout=280, stdin=subprocess.DEVNULL)
        name, tag = IMAGE.split(":")
        query = urllib.parse.urlencode([("fromSrc", "-"), ("repo", name), ("tag", tag)] + [("changes", c) for c in IMAGE_CHANGES])
        with open(IMAGE_TAR, "rb") as tar:
            status, answer = self.call("POST", f"/images/create?{query}", tar, {"Content-Length": str(IMAGE_TAR.stat().st_size)})
        assert status == 200 and "error" not in str(answer), answer

    def containers(self, name=None, **filters):
        """Inspections of all containers, of the server of that name if one is given."""
        if name:
            filters["label"] = [f"safexec={name}"]
        query = urllib.parse.urlencode({"all": 1, "filters": json.dumps(filters)})
        found = [self.call("GET", f"/containers/{c['Id']}/json") for c in self.call("GET", f"/containers/json?{query}")[1]]
        return [answer for status, answer in found if status == 200]

    def stop(self):
        if self.process and self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                for container in self.containers():
                    self.call("DELETE", f"/containers/{container['Id']}?force=1&v=1")
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
