# SPDX-License-Identifier: Apache-2.0
"""The command line and the supervisor: what `safexec serve` does when the programs that it starts begin, die and end."""
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import urllib.request

import pytest
import requests

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


# Command line

USAGE_ERRORS = [
    ([], "Usage: safexec COMMAND"),
    (["frobnicate"], 'There is no command "frobnicate".'),
    (["help", "frobnicate"], 'There is no command "frobnicate".'),
    (["serve", "--frobnicate"], "There is no option --frobnicate."),
    (["serve", "-x"], "There is no option -x."),
    (["serve", "extra"], '"extra" is one argument too many.'),
    (["serve", "--queue"], "--queue needs a value."),
    (["serve", "--listen"], "--listen needs a value."),
    (["serve", "--provider", "podman"], '--provider is "podman"; it must be native or docker.'),
    (["serve", "--provider", "docker", "--profile", "lax"], '--profile is "lax"; it must be original or hardened.'),
    (["serve", "--profile", "original"], "--profile is for --provider docker only."),
    (["serve", "--provider", "docker", "--root", "/x"], "--root is for --provider native only."),
    (["serve", "--provider", "docker", "--image", "../x"], "it must be an image's name"),
    (["serve", "--provider", "docker", "--docker-host", "tcp://127.0.0.1:1"], "it must be unix:// and the absolute path"),
    (["serve", "--help=x"], "--help takes no value."),
    (["run", "--read-only=1", "x.py"], "--read-only takes no value."),
    (["run"], "SCRIPT is missing."),
    (["run", "--server", "localhost", "x.py"], '--server is "localhost"; it must be ADDR:PORT'),
    (["version", "1"], '"1" is one argument too many.'),
    (["serve", "--root", "tmp"], '--root is "tmp"; it must be an absolute path.'),
    (["serve", "--python", ""], '--python is ""; it must be an absolute path.'),
    (["serve", "--name", ""], '--name is ""; it must be 1 to 31'),
    (["serve", "--name", "a/b"], '--name is "a/b"; it must be 1 to 31'),
    (["serve", "--name", "-a"], '--name is "-a"; it must be 1 to 31'),
    (["serve", "--name", "a" * 32], "it must be 1 to 31"),
]
NUMBERS = {"slots": (1, 1000), "idle": (1, 1000), "queue": (1, 10000), "queue-ms": (1, 600000), "zygote-max-forks": (1, 1000000),
           "zygote-max-seconds": (1, 86400), "jobs-queued": (1, 1000000), "results-seconds": (1, 31536000)}
USAGE_ERRORS += [(["serve", f"--{name}", value], f'--{name} is "{value}"; it must be a whole number from {least} to {most}.')
                 for name, (least, most) in NUMBERS.items()
                 for value in (str(least - 1), str(most + 1), "-1", "1.5", "", "x", "99999999999999999999", "5 ", "0x5")]
USAGE_ERRORS += [(["serve", "--listen", address], f'--listen is "{address}"; it must be ADDR:PORT')
                 for address in ("", "5000", ":5000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1",
                                 "127.1:5000", "localhost:5000", "::1:5000", "[::1]", "[::1]5000", "[127.0.0.1]:5000", "127.0.0.1:5000 ",
                                 "127.0.0.1:05000x", "[fe80::1%lo]:5000")]
USAGE_ERRORS += [(["serve", "--require-key", "maybe"], '--require-key is "maybe"; it must be yes or no.'),
                 (["serve", "--state", "x"], '--state is "x"; it must be an absolute path.'),
                 (["serve", "--callback-allow", "10.0.0.0/8; rm"], "it must be public, none, or ranges")]


@pytest.mark.parametrize("args, sentence", USAGE_ERRORS, ids=[" ".join(args) or "nothing" for args, _ in USAGE_ERRORS])
def test_a_wrong_command_line_is_one_sentence_and_status_2(args, sentence):
    result = safexec(*args)
    assert (result.returncode, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert not args or result.stderr.count("\n") == 1


@pytest.mark.parametrize("args", [["--help"], ["-h"], ["help"], ["serve", "--help"], ["run", "--help"], ["doctor", "--help"],
                                  ["version", "--help"], ["help", "serve"], ["serve", "--queue", "5", "--help"], ["run", "--json", "-h"]],
                         ids=" ".join)
def test_help_is_on_stdout_everywhere(args):
    result = safexec(*args)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("Usage: safexec ")
    assert max(map(len, result.stdout.splitlines())) <= 120


def test_help_lists_every_option_of_serve_and_the_manual_page_too():
    names = re.findall(r"^  --([a-z-]+)", safexec("serve", "--help").stdout, re.M)
    assert set(NUMBERS) | {"log-format", "require-key", "state", "results-bytes", "audit-bytes", "callback-allow", "config", "listen", "python", "root", "name", "help", "provider", "docker-host", "profile", "image", "runtime", "parent"} == set(names)
    page = (harness.ROOT / "man/safexec.1").read_text().replace("\\-", "-")
    assert not [name for name in names if f"-{name}" not in page]


@pytest.mark.parametrize("args", [["version"], ["--version"]], ids=" ".join)
def test_version_is_that_of_the_build(args):
    version = re.search(r"version: '([0-9.]+)'", (harness.ROOT / "meson.build").read_text())[1]
    assert safexec(*args).stdout == f"safexec {version}\n"


# serve: keys and the programs beside the pair

@pytest.mark.parametrize("options", [["--listen", "0.0.0.0:0"], ["--listen", "[::]:0"], ["--listen", "[::ffff:127.0.0.1]:0"],
                                     ["--require-key", "yes"]], ids=" ".join)
def test_without_a_key_nothing_is_served_where_one_is_needed(stage, options):
    stage.serve(*options)
    status, error = stage.end()
    assert status == 2 and error.count("\n") == 1
    assert "without an API key, and there is none. Make one with `safexec keys add NAME`" in error
    assert ("safexecd", "start") not in stage.drain()


def test_with_a_key_any_address_is_served_and_the_front_asks_for_it(stage):
    stage.order(store={"keys": 1})
    stage.serve("--listen", "0.0.0.0:0")
    _, front = stage.wait_serving()
    assert "--require-key" in front["args"]


def test_store_and_front_are_linked_anew_when_one_of_them_is_a_new_one(stage):
    def wait_links(count):
        while sum((event["who"], event["what"]) == ("safexec-store", "link") for event in stage.seen) < count:
            stage.wait("safexec-store", "link")
        return [event for event in stage.seen if event["who"] == "safexec-store"][-1]["pid"]

    stage.order(store={"keys": 0, "status": 0})
    stage.serve()
    _, front = stage.wait_serving()
    store = wait_links(2)  # with the front, and with the sender
    os.kill(front["pid"], signal.SIGKILL)
    assert wait_links(3) == store
    os.kill(store, signal.SIGKILL)
    assert wait_links(5) != store


def test_a_store_that_keeps_dying_is_given_up_and_the_server_goes_on(stage):
    stage.order(store={"exit": 1})
    stage.serve()
    url = stage.url()
    lines = iter(stage.process.stderr.readline, "")
    assert any("safexec-store keeps dying. The server goes on without it." in line for line in lines)
    with urllib.request.urlopen(url, timeout=WAIT_S) as reply:
        assert reply.read() == b"hello"


# serve: the listening socket

def test_a_taken_port_is_one_sentence_and_status_1(stage):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run([stage.folder / "safexec", "serve", "--listen", f"127.0.0.1:{port}"], capture_output=True, text=True,
                                timeout=WAIT_S)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (f"safexec: 127.0.0.1:{port} is in use by another program. Stop it, or choose another port with --listen "
                             "127.0.0.1:PORT.\n")
    assert stage.drain() == []


def test_port_0_becomes_a_free_one_that_is_printed_and_answers(stage):
    stage.serve()
    stage.wait_serving()
    response = harness.requests.get(stage.url() + "/", timeout=WAIT_S)
    assert response.text == "hello"


@pytest.mark.parametrize("address, pattern", [("127.0.0.2:0", r"127\.0\.0\.2:\d+"), ("[::1]:0", r"\[::1\]:\d+"),
                                              ("[0:0::1]:0", r"\[::1\]:\d+")])
def test_every_loopback_address_is_accepted_and_named_in_its_usual_form(stage, address, pattern):
    if "::" in address and not pathlib.Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    stage.serve("--listen", address)
    _, front = stage.wait_serving()
    printed = re.fullmatch(rf"Listening on http://({pattern})/\n", stage.process.stdout.readline())[1]
    assert front["args"][front["args"].index("--listen-name") + 1] == printed


def test_requests_that_come_before_the_front_wait_for_it(stage):
    stage.order(front={"exit": 1})
    stage.serve()
    stage.wait("safexecd", "end")
    url = stage.url()
    answers = []
    client = threading.Thread(target=lambda: answers.append(harness.requests.get(url, timeout=WAIT_S).text))
    client.start()
    stage.order()
    client.join(WAIT_S)
    assert answers == ["hello"]


# serve: what the children are given

def arguments(event):
    assert len(event["args"]) % 2 == 0
    return dict(zip(event["args"][::2], event["args"][1::2]))


def test_options_reach_the_program_they_are_for_and_defaults_hold(stage):
    stage.serve()
    warden, front = stage.wait_serving()
    assert arguments(warden) == {"--supervisor-fd": "3", "--name": "default", "--environment": "base",
                                 "--zygote-max-forks": "10000", "--zygote-max-seconds": "3600"}
    given = arguments(front)
    assert re.fullmatch(r"127\.0\.0\.1:\d+", given.pop("--listen-name"))
    uid, gid = (os.getuid() or 12345), (os.getgid() or 12345)
    assert given == {"--listen-fd": "3", "--provider-fd": "4", "--supervisor-fd": "5", "--uid": str(uid), "--gid": str(gid), "--queue": "64", "--queue-ms": "30000", "--log-format": "text",
                     "--environment": "base"}


def test_options_given_are_passed_on(stage):
    stage.serve("--slots", "7", "--idle=3", "--queue", "5", "--queue-ms", "600", "--python", "/usr/bin/python3", "--root", "/srv/root",
                "--name", "n-1", "--zygote-max-forks", "9", "--zygote-max-seconds", "8")
    warden, front = stage.wait_serving()
    assert arguments(warden) == {"--supervisor-fd": "3", "--slots": "7", "--idle": "3", "--environment": "base", "--python": "/usr/bin/python3",
                                 "--root": "/srv/root", "--name": "n-1", "--zygote-max-forks": "9", "--zygote-max-seconds": "8"}
    assert (arguments(front)["--queue"], arguments(front)["--queue-ms"]) == ("5", "600")


def test_options_of_the_docker_provider_reach_it_and_it_alone(stage):
    stage.serve("--provider", "docker", "--slots", "2", "--image", "python:3.12", env={**os.environ, "DOCKER_HOST": "unix:///tmp/engine"})
    docker = stage.wait("safexec-docker", "start")
    assert arguments(docker) == {"--supervisor-fd": "3", "--docker-host": "unix:///tmp/engine", "--profile": "hardened",
                                 "--image": "python:3.12", "--slots": "2", "--name": "default"}


CONFIG = """
[server]
queue = 9
slots = 7
profile = original
[limits]
wall_ms = 3000
[limits-max]
pids = 99
[environment two]
python = /opt/python3
preload = json sqlite3
idle = 2
wall_ms = 2000
"""


def write_config(stage, text=CONFIG):
    path = stage.folder / "safexec.conf"
    path.write_text(text)
    return str(path)


def test_a_configuration_file_is_taken_and_the_command_line_wins(stage):
    stage.serve("--config", write_config(stage), "--slots", "5", "--root", "/srv/root")
    warden, front = stage.wait_serving()
    pairs = list(zip(warden["args"], warden["args"][1:]))
    limits = [pair for pair in pairs if pair[0].startswith("--limit")]
    assert limits == [("--limit-max", "pids=99"), ("--limit", "wall_ms=3000"), ("--limit", "wall_ms=2000")]
    others = [word for pair in pairs[pairs.index(("--environment", "base"))::2] if pair not in limits for word in pair]
    assert others == ["--environment", "base", "--root", "/srv/root", "--environment", "two", "--python", "/opt/python3",
                      "--preload", "json sqlite3", "--own-idle", "2", "--supervisor-fd", "3"]
    assert arguments(warden)["--slots"] == "5" and "--profile" not in warden["args"]
    begin = front["args"].index("--environment")
    assert front["args"][begin:begin + 8] == ["--environment", "base", "--limit", "wall_ms=3000", "--environment", "two", "--limit",
                                              "wall_ms=2000"]
    assert arguments(front)["--limit-max"] == "pids=99"
    assert arguments(front)["--queue"] == "9"


BAD_CONFIGS = [
    ("[server]\nqueue = 0\n", [], ':2: queue is "0"; it must be a whole number from 1 to 10000.'),
    ("[server]\nroot = /x\n", [], ":2: this section has no key root"),
    ("[environment two]\n", ["--provider", "docker"], ":1: --provider docker has one environment, base, and not two."),
]


@pytest.mark.parametrize("text, options, sentence", BAD_CONFIGS, ids=[row[0] for row in BAD_CONFIGS])
def test_a_mistake_in_the_configuration_file_is_one_sentence_and_status_2(stage, text, options, sentence):
    path = write_config(stage, text)
    result = safexec("serve", "--config", path, *options)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"safexec: {path}{sentence}\n")


def test_a_configuration_file_that_is_not_there_is_status_2(stage):
    result = safexec("serve", "--config", "/nonexistent/x")
    assert (result.returncode, result.stdout) == (2, "") and "/nonexistent/x cannot be read" in result.stderr


def test_config_show_is_a_configuration_file_that_says_where_each_value_comes_from(stage):
    path = write_config(stage)
    shown = safexec("config", "show", "--config", path)
    lines = dict(re.findall(r"^([\w-]+) = .*? ; (.*)$", shown.stdout, re.M))  # of a key that is there twice the last
    assert shown.returncode == 0 and lines["queue"] == path + ":3" and lines["listen"] == "default" and lines["wall_ms"] == path + ":14"
    again = write_config(stage, shown.stdout)
    assert (safexec("config", "check", "--config", again).returncode, safexec("config", "check", "--config", path).stdout) == \
        (0, f"{path}: no mistake\n")
    strip = lambda text: re.sub(r" *; .*", "", text)
    assert strip(safexec("config", "show", "--config", again).stdout) == strip(shown.stdout)


def test_config_check_names_the_first_mistake_with_status_1(stage):
    path = write_config(stage, "[server]\n\nnothing = 1\nqueue = 0\n")
    result = safexec("config", "check", "--config", path)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"safexec config: {path}:3: this section has no key nothing\n")
    assert safexec("config", "frob").returncode == 2


def test_the_manual_page_names_every_key_of_the_configuration_file(stage):
    page = (harness.ROOT / "man/safexec.conf.5").read_text()
    shown = safexec("config", "show", "--config", write_config(stage, "")).stdout
    keys = re.findall(r"^(?:; )?([\w-]+) = ", shown, re.M)
    assert len(keys) > 30 and [key for key in keys if not re.search(rf"^\.It Cm (.* , )?{key}\b", page, re.M)] == []


def test_children_inherit_nothing_but_what_is_handed_over(stage):
    with open("/dev/null", "rb") as stray:
        stage.serve(env={**os.environ, "SECRET": "1"}, pass_fds=[stray.fileno()])
        warden, front = stage.wait_serving()
    own = {"safexec-warden": 3, "safexecd": 5}  # the highest descriptor handed over
    for event in (warden, front):
        assert sorted(event["environment"]) in (["LANG", "PATH"], ["LANG", "LC_CTYPE", "PATH"])
        # The stand-in itself opened its events socket, two ends of a pipe and the folder it lists.
        assert event["fds"][:own[event["who"]] + 1] == list(range(own[event["who"]] + 1))
        assert len(event["fds"]) <= own[event["who"]] + 1 + 4
        assert event["stdin"] == "/dev/null"
        assert event["group"] == event["pid"]  # so that Ctrl-C in a terminal reaches only the supervisor


def test_the_link_goes_to_the_warden_with_one_descriptor(stage):
    stage.serve()
    stage.wait_serving()
    told = [event for event in stage.seen if event["what"] == "front"]
    assert [(event["frame"], event["fds"]) for event in told] == [(struct.pack("=II", 0x53584543, 6).hex(), 1)]


@pytest.mark.skipif(os.getuid() != 0, reason="only root starts a front under other ids")
def test_a_warden_that_wants_a_root_front_is_not_obeyed(stage):
    stage.order(warden={"ids": [0, 12345]})
    stage.serve()
    assert stage.end()[0] == 1
    assert ("safexecd", "start") not in stage.drain()


# serve: what happens when they die

def test_a_dead_front_is_replaced_and_the_warden_stays(stage):
    stage.serve()
    warden, front = stage.wait_serving()
    os.kill(front["pid"], signal.SIGKILL)
    new = stage.wait("safexecd", "start")
    stage.wait("safexecd", "linked")
    assert new["pid"] != front["pid"]
    assert harness.Process(warden["pid"]).is_alive()
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end() == (0, "safexec: safexecd was killed by signal 9 (SIGKILL); starting a new one\n")


def test_a_dead_warden_is_replaced_and_the_front_too(stage):
    stage.serve()
    warden, front = stage.wait_serving()
    os.kill(warden["pid"], signal.SIGKILL)
    new_warden, new_front = stage.wait_serving()
    assert new_warden["pid"] != warden["pid"] and new_front["pid"] != front["pid"]
    assert not harness.Process(front["pid"]).is_alive()
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end() == (0, "safexec: safexec-warden was killed by signal 9 (SIGKILL); starting a new one\n")


def test_both_dead_at_once_are_both_replaced(stage):
    stage.serve()
    warden, front = stage.wait_serving()
    os.kill(stage.process.pid, signal.SIGSTOP)
    os.kill(front["pid"], signal.SIGKILL)
    os.kill(warden["pid"], signal.SIGKILL)
    os.kill(stage.process.pid, signal.SIGCONT)
    stage.wait_serving()
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end()[0] == 0


def test_a_front_that_outlives_its_warden_is_killed_and_replaced(stage):
    stage.order(front={"on_unlinked": "stay", "on_sigterm": "stay"})
    stage.serve()
    warden, front = stage.wait_serving()
    stage.order()
    os.kill(warden["pid"], signal.SIGKILL)
    stage.wait("safexecd", "sigterm")
    _, new_front = stage.wait_serving()
    assert new_front["pid"] != front["pid"] and not harness.Process(front["pid"]).is_alive()


@pytest.mark.parametrize("program", ["warden", "front"])
def test_a_program_that_keeps_dying_is_given_up_after_five_restarts(stage, program):
    stage.order(**{program: {"exit": 1}})
    stage.serve()
    status, error = stage.end()
    name = {"warden": "safexec-warden", "front": "safexecd"}[program]
    assert status == 1
    assert error.splitlines() == [f"safexec: {name} ended with status 1; starting a new one"] * 5 + [
        f"safexec: {name} ended with status 1",
        f"safexec: {name} keeps dying; giving up.",
    ]
    assert stage.drain().count((name, "start")) == 6


def test_a_machine_that_cannot_run_it_is_said_once_by_the_warden_with_status_3(stage):
    stage.order(warden={"exit": 3})
    stage.serve()
    assert stage.end() == (3, "safexec-warden: This machine is made of cheese.\n")
    assert stage.drain() == [("safexec-warden", "start"), ("safexec-warden", "end")]


@pytest.mark.parametrize("program", ["warden", "front"])
def test_a_program_that_does_not_know_its_options_is_not_restarted(stage, program):
    stage.order(**{program: {"exit": 2}})
    stage.serve()
    assert stage.end() == (2, "")
    assert stage.drain().count(({"warden": "safexec-warden", "front": "safexecd"}[program], "start")) == 1


NONSENSE = {
    "wrong magic": struct.pack("=IIII", 1, 5, 7, 7), "wrong type": struct.pack("=IIII", 0x53584543, 1, 7, 7),
    "too short": struct.pack("=III", 0x53584543, 5, 7), "too long": struct.pack("=IIIII", 0x53584543, 5, 7, 7, 7),
    "far too long": b"x" * 5000,
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_warden_that_talks_nonsense_is_ended_and_replaced(stage, name):
    stage.order(warden={"bytes_first": NONSENSE[name].hex()})
    stage.serve()
    first = harness.Process(stage.wait("safexec-warden", "start")["pid"])
    stage.order()
    stage.wait_serving()
    assert not first.is_alive()


def test_a_missing_program_is_one_sentence_and_status_1(stage):
    (stage.folder / "safexec-warden").unlink()
    stage.serve()
    assert stage.end() == (1, f"safexec: Cannot start {stage.folder}/safexec-warden: No such file or directory\n")


# serve: reloading

def reload(stage, front):
    """Reloads, waits until the first front has ended and the next is linked; the starts of the new warden and the new front."""
    stage.seen.clear()
    stage.process.send_signal(signal.SIGHUP)
    for what in ("end", "linked"):
        if ("safexecd", what) not in [(event["who"], event["what"]) for event in stage.seen]:
            stage.wait("safexecd", what)
    assert [event["pid"] for event in stage.seen if (event["who"], event["what"]) == ("safexecd", "end")] == [front["pid"]]
    return [event for event in stage.seen if event["what"] == "start"]


def test_a_reload_starts_a_pair_beside_the_old_one_which_ends_front_first(stage):
    stage.serve()
    url = stage.url()
    first_warden, first_front = stage.wait_serving()
    warden, front = reload(stage, first_front)
    old = [event["what"] for event in stage.seen if event["pid"] == first_front["pid"]]
    assert old == ["sighup", "end"], "it is asked to go on with whom it has, only when the next one is there"
    assert [event["who"] for event in (warden, front)] == ["safexec-warden", "safexecd"]
    assert warden["args"][-2:] == ["--turn", "2"] and "--turn" not in first_warden["args"]
    if not [event for event in stage.seen if (event["who"], event["what"]) == ("safexec-warden", "end")]:
        stage.wait("safexec-warden", "end")
    assert [event["pid"] for event in stage.seen if (event["who"], event["what"]) == ("safexec-warden", "end")] == [first_warden["pid"]]
    assert requests.get(url, timeout=WAIT_S).text == "hello"
    assert harness.Process(stage.process.pid).is_alive(), "it is the same process"
    assert stage.process.stderr.readline() == "safexec: Reloaded: what served before has ended.\n"
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end() == (0, "")


def test_a_reload_brings_what_lies_on_the_disk_now(stage):
    stage.serve()
    _, front = stage.wait_serving()
    for name in ("safexec", "safexecd"):  # as a package manager replaces a file: another inode under the name
        (stage.folder / "new").write_bytes((stage.folder / name).read_bytes())
        (stage.folder / "new").chmod(0o755)
        (stage.folder / "new").rename(stage.folder / name)
    inode = (stage.folder / "safexec").stat().st_ino
    reload(stage, front)
    assert os.stat(f"/proc/{stage.process.pid}/exe").st_ino == inode


def test_reloads_follow_one_another_and_leave_no_descriptor_behind(stage):
    stage.serve()
    _, front = stage.wait_serving()
    counts = []
    for turn in range(2, 5):
        warden, front = reload(stage, front)
        assert warden["args"][-2:] == ["--turn", str(turn)]
        harness.wait_until(lambda: len(harness.descendants(stage.process.pid)) == 5, WAIT_S, "four children")
        counts.append(len(harness.Process(stage.process.pid).descriptors()))
    assert len(set(counts)) == 1, counts


def test_a_reload_that_the_new_program_refuses_changes_nothing(stage):
    stage.serve()
    warden, front = stage.wait_serving()
    (stage.folder / "new").write_text("#!/bin/sh\nexit 2\n")
    (stage.folder / "new").chmod(0o755)
    (stage.folder / "new").rename(stage.folder / "safexec")
    stage.process.send_signal(signal.SIGHUP)
    assert "nothing is changed" in stage.process.stderr.readline()
    assert harness.Process(warden["pid"]).is_alive() and harness.Process(front["pid"]).is_alive()
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end() == (0, "")


def test_another_address_is_said_to_take_a_restart(stage, tmp_path):
    config = tmp_path / "safexec.conf"
    config.write_text(f"[server]\nlisten = unix:{tmp_path}/one\n")
    stage.process = subprocess.Popen([stage.folder / "safexec", "serve", "--config", config], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _, front = stage.wait_serving()
    config.write_text(f"[server]\nlisten = unix:{tmp_path}/two\n")
    reload(stage, front)
    stage.process.send_signal(signal.SIGTERM)
    status, error = stage.end()
    assert status == 0 and f"To listen on unix:{tmp_path}/two takes a restart" in error


def test_a_reload_whose_warden_cannot_run_leaves_the_old_pair_serving(stage):
    stage.serve()
    url = stage.url()
    warden, front = stage.wait_serving()
    stage.order(warden={"exit": 3})
    stage.process.send_signal(signal.SIGHUP)
    assert "made of cheese" in stage.process.stderr.readline()
    assert stage.process.stderr.readline() == "safexec: The reload has failed; what served before goes on.\n"
    assert requests.get(url, timeout=WAIT_S).text == "hello"
    stage.order()
    os.kill(front["pid"], signal.SIGKILL)  # and is looked after as before
    stage.wait("safexecd", "start")
    assert harness.Process(warden["pid"]).is_alive()
    reload(stage, stage.seen[-1])
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end()[0] == 0


def test_an_end_during_a_reload_ends_both_pairs(stage):
    stage.order(front={"on_sigterm": "stay"})  # SIGHUP too
    stage.serve()
    _, front = stage.wait_serving()
    stage.process.send_signal(signal.SIGHUP)
    stage.wait("safexecd", "linked")
    stage.process.send_signal(signal.SIGTERM)
    stage.wait("safexecd", "sigterm")
    stage.wait("safexecd", "sigterm")
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end()[0] == 1
    assert not harness.processes_with(str(stage.folder))


def test_the_docker_provider_is_replaced_one_after_the_other(stage):
    stage.serve("--provider", "docker")
    stage.wait("safexecd", "linked")
    stage.seen.clear()
    stage.process.send_signal(signal.SIGHUP)
    stage.wait("safexecd", "linked")
    assert [(event["who"], event["what"]) for event in stage.seen if event["what"] in ("end", "start")] == [
        ("safexecd", "end"), ("safexec-docker", "end"), ("safexec-docker", "start"), ("safexecd", "start")]


# serve: under a service manager

@pytest.fixture
def manager():
    """The socket that a service manager listens on, as sd_notify(3) says."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, tempfile.TemporaryDirectory(prefix="safexec-") as folder:
        manager.bind(f"{folder}/notify")
        manager.settimeout(WAIT_S)
        yield manager


def wait_notified(manager, line):
    while line not in (text := manager.recv(4096).decode()):
        pass
    return text


def test_readiness_is_told_when_a_ping_was_answered_and_the_end_too(stage, manager):
    stage.serve(env={**os.environ, "NOTIFY_SOCKET": manager.getsockname()})
    stage.wait_serving()
    assert wait_notified(manager, "READY=1").startswith("READY=1\nSTATUS=Serves on 127.0.0.1:")
    stage.process.send_signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in wait_notified(manager, "RELOADING=1")
    wait_notified(manager, "READY=1")
    stage.process.send_signal(signal.SIGTERM)
    wait_notified(manager, "STOPPING=1")
    assert stage.end()[0] == 0


def test_the_watchdog_is_told_again_and_again_while_the_server_answers_and_not_when_it_does_not(stage, manager):
    stage.serve(env={**os.environ, "NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "1000000"})
    _, front = stage.wait_serving()
    wait_notified(manager, "READY=1")
    for _ in range(3):
        wait_notified(manager, "WATCHDOG=1")
    os.kill(front["pid"], signal.SIGSTOP)
    manager.settimeout(2)
    with pytest.raises(TimeoutError):
        while True:  # what was under way
            manager.recv(4096)


def test_a_socket_that_is_handed_over_is_served(stage, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "http"))
        listener.listen()
        script = 'exec 3<&"$0"; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
        stage.process = subprocess.Popen(
            ["bash", "-c", script, str(listener.fileno()), stage.folder / "safexec", "serve"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, pass_fds=[listener.fileno()])
        _, front = stage.wait_serving()
        assert stage.process.stdout.readline() == f"Listening on unix:{tmp_path}/http\n"
        assert front["args"][:2] == ["--queue", "64"] or "--listen-name" in front["args"]
        reload(stage, front)
        stage.process.send_signal(signal.SIGTERM)
        assert stage.end()[0] == 0
    assert (tmp_path / "http").exists(), "it is not ours to remove"


def test_what_is_handed_over_and_is_no_listening_socket_is_refused(stage):
    script = 'exec 3</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" serve'
    r = subprocess.run(["bash", "-c", script, stage.folder / "safexec"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WAIT_S)
    assert (r.returncode, r.stdout) == (1, "") and r.stderr.startswith("safexec: The descriptor handed over is no socket")


def test_two_sockets_are_one_too_many(stage):
    script = 'LISTEN_FDS=2 LISTEN_PID=$$ exec "$0" serve'
    r = subprocess.run(["bash", "-c", script, stage.folder / "safexec"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WAIT_S)
    assert (r.returncode, r.stdout) == (1, "") and r.stderr.startswith("safexec: 2 sockets were handed over")


def test_a_path_is_listened_on_for_owner_and_group_and_removed_in_the_end(stage, tmp_path):
    path = tmp_path / "http"
    for left in (False, True):  # the second time over what a killed server left
        stage.process = subprocess.Popen([stage.folder / "safexec", "serve", "--listen", f"unix:{path}"], stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        stage.wait_serving()
        assert stage.process.stdout.readline() == f"Listening on unix:{path}\n"
        assert path.stat().st_mode & 0o777 == 0o660
        r = safexec("ping", "--server", f"unix:{path}")
        assert r.returncode == 1 and "did not run a program" in r.stderr, "the stand-in says hello"
        if left:
            stage.process.send_signal(signal.SIGTERM)
            assert stage.end() == (0, "")
        else:
            stage.process.kill()
            stage.end()
    assert not path.exists()


def test_a_path_that_is_in_use_or_no_socket_is_left_alone(stage, tmp_path):
    (tmp_path / "file").write_text("mine")
    r = safexec("serve", "--listen", f"unix:{tmp_path}/file")
    assert r.returncode == 1 and "is in use, or is no socket" in r.stderr
    assert (tmp_path / "file").read_text() == "mine"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "http"))
        listener.listen()
        r = safexec("serve", "--listen", f"unix:{tmp_path}/http")
        assert r.returncode == 1 and "is in use, or is no socket" in r.stderr
        assert (tmp_path / "http").exists()


# serve: the end

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_front_first_and_then_the_warden(stage, number):
    stage.serve()
    stage.wait_serving()
    stage.process.send_signal(number)
    assert stage.end() == (0, "")
    assert stage.drain()[-4:] == [("safexecd", "sigterm"), ("safexecd", "end"), ("safexec-warden", "sigterm"), ("safexec-warden", "end")]


def test_the_warden_is_left_alone_while_the_front_finishes_what_runs(stage):
    stage.order(front={"end_after_s": 0.5})
    stage.serve()
    warden, _ = stage.wait_serving()
    stage.process.send_signal(signal.SIGTERM)
    stage.wait("safexecd", "sigterm")
    assert harness.Process(warden["pid"]).is_alive()
    assert stage.end() == (0, "")


def test_a_signal_before_the_warden_is_ready_ends_it(stage):
    stage.order(warden={"is_silent": True})
    stage.serve()
    stage.wait("safexec-warden", "start")
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end() == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_kills_both_at_once(stage, number):
    stage.order(front={"on_sigterm": "stay"}, warden={"on_sigterm": "stay"})
    stage.serve()
    warden, front = stage.wait_serving()
    stage.process.send_signal(number)
    stage.wait("safexecd", "sigterm")
    stage.process.send_signal(number)
    assert stage.end()[0] == 1
    assert not harness.Process(warden["pid"]).is_alive() and not harness.Process(front["pid"]).is_alive()
    assert ("safexec-warden", "sigterm") not in stage.drain()


@pytest.mark.parametrize("program, sentence", [("front", "safexecd ended with status 7"),
                                               ("warden", "safexec-warden ended with status 7; the next start removes what it left")])
def test_an_end_that_goes_wrong_is_told_with_status_1(stage, program, sentence):
    stage.order(**{program: {"end_status": 7}})
    stage.serve()
    stage.wait_serving()
    stage.process.send_signal(signal.SIGTERM)
    assert stage.end() == (1, f"safexec: {sentence}\n")


def test_a_warden_that_is_killed_during_the_end_is_not_restarted(stage):
    stage.order(front={"end_after_s": 0.5, "on_unlinked": "stay"})
    stage.serve()
    warden, _ = stage.wait_serving()
    stage.process.send_signal(signal.SIGTERM)
    stage.wait("safexecd", "sigterm")
    os.kill(warden["pid"], signal.SIGKILL)
    status, error = stage.end()
    assert (status, error) == (1, "safexec: safexec-warden was killed by signal 9 (SIGKILL); the next start removes what it left\n")
    assert stage.drain().count(("safexec-warden", "start")) == 1


def test_a_killed_supervisor_takes_its_children_with_it(stage):
    stage.serve()
    warden, front = stage.wait_serving()
    processes = [harness.Process(event["pid"]) for event in (warden, front)]
    stage.process.kill()
    for process in processes:
        harness.wait_until(lambda p=process: not p.is_alive(), WAIT_S, f"end of {process}")


def test_restarts_leave_no_descriptor_behind(stage):
    stage.serve()
    warden, front = stage.wait_serving()
    supervisor = harness.Process(stage.process.pid)
    before = harness.wait_until(lambda: len(harness.descendants(stage.process.pid)) == 5 and len(supervisor.descriptors()), WAIT_S, "helpers")
    for victim in ("front", "warden"):
        os.kill({"front": front, "warden": warden}[victim]["pid"], signal.SIGKILL)
        if victim == "front":
            front = stage.wait("safexecd", "start")
            stage.wait("safexecd", "linked")
        else:
            stage.wait_serving()
        harness.wait_until(lambda: len(supervisor.descriptors()) == before, WAIT_S, f"{before} descriptors")


# doctor

def test_doctor_asks_for_the_engine_and_becomes_the_warden_that_can_tell(stage):
    (stage.folder / "safexec-docker").write_text('#!/bin/sh\necho "docker $@"\nexit 3\n')
    (stage.folder / "safexec-warden").write_text('#!/bin/sh\necho "$@"\nexit 3\n')
    result = subprocess.run([stage.folder / "safexec", "doctor"], capture_output=True, text=True, timeout=WAIT_S,
                            env={**os.environ, "DOCKER_HOST": "unix:///x"})
    assert (result.returncode, result.stdout, result.stderr) == (3, "docker --doctor --docker-host unix:///x\n--doctor\n", "")
