# SPDX-License-Identifier: Apache-2.0
"""What the attacks prove: a test build leaves out one stage of the confinement at a time, and the attacks that name it get through.
Where a later stage cannot be proven without the one left out, no cell runs at all, which is the better answer."""

import pathlib
import shutil
import subprocess
import tempfile

import cases
import harness
import pytest
import scene

FOLDER = harness.ROOT / "build-stages"

# stage: names of attacks that get through without it
OPEN = {
    "root": ["working_folder"],
    "rlimits": ["prlimit_raised", "core_dumps"],
    "bounding set": ["bounding_set"],
    "identity": ["ids"],
    "landlock": ["landlock_canary"],
    "seccomp": [a.name for a in cases.ATTACKS if a.layer == "seccomp" and not a.neighbour],
}
# Without these there is no cell: the plumbing, the proof of a later stage, or the kernel (seccomp(2) needs no_new_privs) needs them.
CLOSED = ["descriptors", "namespaces", "no_new_privs"]
# Not alone to be seen: the change of identity empties the same sets (capabilities(7)), and the stage is there to verify it.
COVERED = ["capabilities"]


@pytest.fixture(scope="module")
def programs(start_server):
    """The test build, whose warden knows --skip-stage; it lies beside the others and is made once."""
    setup = ["meson", "setup", FOLDER, harness.ROOT, "-Dtests=disabled", "-Dc_args=-DSAFEXEC_TEST_STAGES"]
    for command in ([] if (FOLDER / "build.ninja").exists() else [setup]) + [["ninja", "-C", FOLDER]]:
        r = subprocess.run(command, capture_output=True, text=True)
        assert r.returncode == 0, r.stdout + r.stderr
    return FOLDER


@pytest.fixture
def start_without(programs):
    with tempfile.TemporaryDirectory() as folder:
        servers = []

        def start(stage):
            for name in ("safexec", "safexecd"):
                shutil.copy(programs / name, folder)
            warden = pathlib.Path(folder, "safexec-warden")
            warden.write_text(f'#!/bin/sh\nexec {programs}/safexec-warden --skip-stage "{stage}" "$@"\n')
            warden.chmod(0o755)
            pathlib.Path(folder).chmod(0o755)
            servers.append(harness.Server("--slots", "2", program=pathlib.Path(folder, "safexec")))
            return servers[-1]

        yield start
        for server in servers:
            server.stop()


@pytest.mark.parametrize("stage", OPEN)
def test_attacks_that_name_a_stage_get_through_without_it(start_without, stage):
    server = start_without(stage).wait_ready()
    wanted = OPEN[stage]
    attacks = [a for a in cases.ATTACKS if a.name in wanted]
    assert len(attacks) == len(wanted) > 0
    with scene.baits(server) as names:
        answers = {a.name: server.run(a.text(**names, MARK=scene.new_mark())) for a in attacks}
    still_blocked = [name for name, answer in answers.items() if answer["output"].startswith("BLOCKED")]
    assert still_blocked == [], f"these prove nothing about {stage}"


def test_without_the_filter_a_user_namespace_is_refused_all_the_same(start_without):
    server = start_without("seccomp").wait_ready()
    code = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nprint(libc.unshare(0x10000000), ctypes.get_errno())"
    assert server.run(code) == {"success": True, "output": "-1 28\n"}  # ENOSPC


@pytest.mark.parametrize("stage", CLOSED)
def test_without_the_stage_there_is_no_server(start_without, stage):
    server = start_without(stage)
    assert server.process.wait(20) == 3, server.log()
    assert server.process.stdout.read() == "" and server.log()


def test_every_stage_is_in_one_of_the_tables():
    text = (harness.ROOT / "src/cell/confine.c").read_text()
    table = text[text.index("stages[] = {") :]
    names = [line.split('"')[1] for line in table[: table.index("};")].splitlines() if line.strip().startswith("{ LAYER_")]
    assert sorted(names) == sorted([*OPEN, *CLOSED, *COVERED])
