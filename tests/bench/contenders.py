# SPDX-License-Identifier: Apache-2.0
"""Who is measured: each says why it cannot be here, starts, runs one case and gives milliseconds and bytes printed, and stops."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import cases  # noqa: E402
import docker_engine  # noqa: E402
import harness  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = harness.ROOT / "build" / "bench"
PYTHON = "/usr/bin/python3"
ACCOUNTS = pathlib.Path("/sys/fs/cgroup/cpuacct")


def compile_tool(name, *flags):
    TOOLS.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-O2", "-o", TOOLS / name, HERE / f"{name}.c", *flags], check=True, capture_output=True, text=True)
    return TOOLS / name


def python_flags():
    found = [subprocess.run(["pkg-config", what, "python3-embed"], capture_output=True, text=True) for what in ("--cflags", "--libs")]
    return [flag for r in found for flag in r.stdout.split()]


class Account:
    """A cgroup that counts the CPU time of everything that is started inside it. None where this machine has no such hierarchy."""

    count = 0

    def __init__(self):
        Account.count += 1
        self.path = ACCOUNTS / f"bench-{os.getpid()}-{Account.count}"
        self.is_there = ACCOUNTS.is_dir() and os.access(ACCOUNTS, os.W_OK)
        if self.is_there:
            self.path.mkdir()

    def wrap(self, program):
        """A program that joins the account and becomes the other."""
        join = f"echo $$ > {self.path}/cgroup.procs\n" if self.is_there else ""
        file = TOOLS / f"in-{self.path.name}"
        TOOLS.mkdir(parents=True, exist_ok=True)
        file.write_text(f'#!/bin/sh\n{join}exec {program} "$@"\n')
        file.chmod(0o755)
        return file

    @contextlib.contextmanager
    def entered(self):
        """The caller lives in it meanwhile, and whatever it starts."""
        if not self.is_there:
            yield
            return
        home = ACCOUNTS / re.search(r"^\d+:cpuacct:/(.*)$", harness.read_text("/proc/self/cgroup"), re.M)[1] / "cgroup.procs"
        (self.path / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield
        finally:
            home.write_text(str(os.getpid()))

    def cpu_ms(self):
        return int((self.path / "cpuacct.usage").read_text()) / 1e6 if self.is_there else None

    def close(self):
        (TOOLS / f"in-{self.path.name}").unlink(missing_ok=True)
        if self.is_there:
            self.path.rmdir()


class Contender:
    name, is_heavy = "", False  # a heavy one gets a tenth of the rounds

    def missing(self):
        """Why it cannot be measured here, or None."""

    def start(self):
        pass

    def stop(self):
        pass

    def cpu_ms(self):
        """Of everything that it started, since it was started."""

    def can(self, case):
        return True


class Command(Contender):
    """A command a run. Its CPU time is that of the processes that it waits for; of one that does not wait for all of its own, an account's."""

    def __init__(self, name, command, needs_account=False):
        self.name, self.command, self.needs_account, self.cpu, self.account = name, command, needs_account, 0, None

    def missing(self):
        return None if shutil.which(self.command[0]) else f"{self.command[0]} is not installed"

    def start(self):
        self.account = Account() if self.needs_account else None

    def stop(self):
        if self.account:
            self.account.close()

    def run(self, case):
        if not self.account:
            return self.run_here(case)
        with self.account.entered():
            return self.run_here(case)

    def words(self, case):
        """What follows the command."""
        return [case.code]

    def run_here(self, case):
        command = [*self.command, *self.words(case)]
        begin = time.perf_counter()
        read, write = os.pipe()
        pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)])
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            size = len(pipe.read())
        _, status, usage = os.wait4(pid, 0)
        ms = (time.perf_counter() - begin) * 1000
        assert status == 0, f"{self.name}: {case.name} ended with {status}"
        self.cpu += (usage.ru_utime + usage.ru_stime) * 1000
        return ms, size

    def cpu_ms(self):
        return self.account.cpu_ms() if self.account else self.cpu


BWRAP = """bwrap --unshare-all --die-with-parent --ro-bind /usr /usr --symlink usr/lib /lib --symlink usr/lib64 /lib64 --symlink usr/bin /bin
--ro-bind /etc/alternatives /etc/alternatives --ro-bind-try /etc/matplotlibrc /etc/matplotlibrc --ro-bind-try /etc/fonts /etc/fonts
--proc /proc --dev /dev --tmpfs /tmp --tmpfs /app --chdir /app --setenv HOME /tmp"""


class Floor(Contender):
    """floor.c: forks a warm Python, without isolation, and waits."""

    name = "floor: fork of a warm Python"

    def __init__(self, environments):
        self.environments = environments

    def missing(self):
        return None if python_flags() else "pkg-config knows no python3-embed: python3-dev brings it"

    def start(self):
        floor = compile_tool("floor", *python_flags())
        self.account, self.processes = Account(), {}
        for environment in self.environments:
            preload = cases.PRELOAD[environment]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            self.processes[environment] = subprocess.Popen([self.account.wrap(floor), *preload], **pipes)

    def can(self, case):
        return case.environment in self.processes

    def run(self, case):
        process = self.processes[case.environment]
        with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
            script.write(case.code)
            script.flush()
            process.stdin.write(script.name + "\n")
            process.stdin.flush()
            status, us, size = map(int, process.stdout.readline().split())
        assert status == 0, f"floor: {case.name} ended with {status}"
        return us / 1000, size

    def cpu_ms(self):
        return self.account.cpu_ms()

    def stop(self):
        for process in self.processes.values():
            process.communicate()
        self.account.close()


class Http(Contender):
    """A server of ours, one kept connection."""

    def __init__(self, name="safexec, HTTP", options=(), science=False):
        self.name, self.options, self.science = name, options, science
        self.stages = {}

    def missing(self):
        return None if os.geteuid() == 0 else "a server takes root"

    def start(self):
        self.account = Account()
        self.config = tempfile.NamedTemporaryFile("w", suffix=".conf")
        self.config.write("[environment science]\nidle = 2\nslots = 4\n" if self.science else "")
        self.config.flush()
        options = [*self.options, "--config", self.config.name]
        self.server = harness.Server(*options, program=self.account.wrap(harness.BUILD / "safexec")).wait_ready()
        self.socket, self.used = None, 0

    def connect(self):
        """A connection that was left alone for long is closed by the server."""
        if time.monotonic() - self.used > 5:
            if self.socket:
                self.socket.close()
            self.socket = socket.create_connection(("127.0.0.1", self.server.port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.used = time.monotonic()

    def can(self, case):
        return self.science or case.environment == "base"

    def request(self, case):
        body = {"code": case.code, **({"environment": case.environment} if self.science else {})}
        if case.cpus:
            body["limits"] = {"cpus": case.cpus}
        data = json.dumps(body).encode()
        head = f"POST {'/v1/runs' if case.cpus else '/run'} HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\n"
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data

    def run(self, case):
        request = self.request(case)
        self.connect()
        begin = time.perf_counter()
        self.socket.sendall(request)
        response = http.client.HTTPResponse(self.socket)
        response.begin()
        data = response.read()
        ms = (time.perf_counter() - begin) * 1000
        answer = json.loads(data)
        assert answer.get("success") or answer.get("verdict") == "ok", f"{self.name}: {case.name}: {str(answer)[:300]}"
        for stage, value in re.findall(r"(\w+);dur=([\d.]+)", response.headers.get("Server-Timing", "")):
            self.stages.setdefault(case.name, {}).setdefault(stage, []).append(float(value))
        return ms, len(answer["output" if "output" in answer else "stdout"])

    def cpu_ms(self):
        return self.account.cpu_ms()

    def stop(self):
        if self.socket:
            self.socket.close()
        self.server.stop()
        self.account.close()


class Docker(Contender):
    """`docker run` with the flags of old, or `docker exec` into a container that runs already, on an Engine of our own."""

    is_heavy = True
    engine, users = None, 0

    def __init__(self, is_warm):
        self.is_warm = is_warm
        self.name = "docker exec, warm container" if is_warm else "docker run"

    def missing(self):
        return docker_engine.what_is_missing()

    def start(self):
        Docker.users += 1
        Docker.engine = Docker.engine or docker_engine.Engine()
        flags = "--network none --memory 128m --cpus 0.5 --pids-limit 64".split()
        docker = ["docker", "--host", Docker.engine.host]
        self.folder = tempfile.TemporaryDirectory()
        bind = ["-v", f"{self.folder.name}:/app", "-w", "/app"]
        self.command = [*docker, "run", "--rm", *flags, *bind, docker_engine.IMAGE, "python", "script.py"]
        if self.is_warm:
            start = [*docker, "run", "-d", "--rm", *flags, docker_engine.IMAGE, "sleep", "infinity"]
            container = subprocess.run(start, check=True, capture_output=True, text=True).stdout.strip()
            self.command = [*docker, "exec", container, "python", "-c"]
        self.inner = Command(self.name, self.command)

    def can(self, case):
        return case.environment == "base"

    def run(self, case):
        pathlib.Path(self.folder.name, "script.py").write_text(case.code)
        return self.inner.run(case)

    def stop(self):
        self.folder.cleanup()
        Docker.users -= 1
        if Docker.users == 0 and Docker.engine:
            Docker.engine.stop()
            Docker.engine = None


def everybody(with_docker, environments):
    return [
        Http("safexec, HTTP", science="science" in environments),
        Floor(environments),
        Command("python3 -I -c", [PYTHON, "-I", "-c"]),
        Command("bwrap + python3", [*BWRAP.split(), PYTHON, "-I", "-c"], needs_account=True),
        *([Docker(True), Docker(False)] if with_docker else []),
    ]
