# SPDX-License-Identifier: Apache-2.0
"""The command line: what is said of a wrong one, help, versions, and doctor."""
import os
import re
import subprocess

import pytest

import harness
from cli_stage import WAIT_S, safexec


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


def test_doctor_asks_for_the_engine_and_becomes_the_warden_that_can_tell(stage):
    (stage.folder / "safexec-docker").write_text('#!/bin/sh\necho "docker $@"\nexit 3\n')
    (stage.folder / "safexec-warden").write_text('#!/bin/sh\necho "$@"\nexit 3\n')
    result = subprocess.run([stage.folder / "safexec", "doctor"], capture_output=True, text=True, timeout=WAIT_S,
                            env={**os.environ, "DOCKER_HOST": "unix:///x"})
    assert (result.returncode, result.stdout, result.stderr) == (3, "docker --doctor --docker-host unix:///x\n--doctor\n", "")
