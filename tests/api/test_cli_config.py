# SPDX-License-Identifier: Apache-2.0
"""The configuration file, as `safexec serve` takes it and `safexec config` tells of it."""
import re

import pytest

import harness
from cli_stage import arguments, safexec


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
