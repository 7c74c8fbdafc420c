# SPDX-License-Identifier: Apache-2.0
"""The tests of the tree, run here against the installed programs: attacks, both APIs, programs."""

import os
import pathlib
import re
import subprocess

from machine import HERE, PROGRAMS, SLOW, check, nothing_is_left, wait_aloud

# A program may take this long here; the sentences of those that are stopped are tested with the default.
PATIENT = "[limits]\nwall_ms = 60000\ncpu_ms = 60000\n"
# Installed, the server's programs lie in /usr, which the environment base shows on purpose, read-only.
ALL_ATTACKS = "not read_binary_of_the_server"
API = ("run", "openapi", "v1_runs", "v1_refusals", "v1_errors", "v1_outputs", "v1_displays", "v1_check", "v1_cases", "v1_limits", "v1_stream")
# Not those whose subject is seconds of hardware, or more runs at once than an emulated machine makes in a queue's 30 s.
TIMELESS = "not wall_time_ends and not just_in_time and not 24_requests and not full_queue"
# One or two of each layer, none that waits for its end.
SOME_ATTACKS = "ids or capabilities or list_the_root or list_dev or proc_shows_the_cell_alone or interfaces or leaked_descriptors or fork_until_refused or disk_filler or make_files_in_the_environment or mounts_are_nosuid"


def run_pytest(folder, *options, config=None, seconds=150):
    """One line a failed test. The tests' own times are for hardware: they multiply them."""
    environment = {**os.environ, "SAFEXEC_BUILD": str(PROGRAMS), "SAFEXEC_TEST_SLOW": str(SLOW), "PYTHONDONTWRITEBYTECODE": "1"}
    if config:
        pathlib.Path("/run/patient.conf").write_text(config)
        environment["SAFEXEC_TEST_CONFIG"] = "/run/patient.conf"
    log = HERE.parent / "out" / f"{folder.replace('/', '-')}.txt"
    command = ["python3", "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rfEs", "--tb=short", "--durations=8", *options, f"tests/{folder}"]
    with open(log, "w") as to:
        process = subprocess.Popen(command, cwd=HERE, env=environment, stdin=subprocess.DEVNULL, stdout=to, stderr=subprocess.STDOUT)
        status = wait_aloud(process, seconds)
    lines = log.read_text().splitlines()
    print("".join(f"      {line}\n" for line in lines if re.match(r"FAILED|ERROR|SKIPPED", line)) + f"      {lines[-1]}", flush=True)
    assert status == 0, "\n".join(lines[-60:])
    nothing_is_left()


def check_some_attacks():
    with check("attacks: some of each layer"):
        run_pytest("attacks/test_attacks.py", "-k", SOME_ATTACKS)


def check_attacks():
    with check("attacks: all"):
        run_pytest("attacks/test_attacks.py", "-k", ALL_ATTACKS)
    with check("attacks: on what /v1 adds"):
        run_pytest("attacks/test_v1.py")
    with check("attacks: the filters of a live guest"):
        run_pytest("attacks/test_reach.py")


def check_api():
    for name in API:
        with check(f"api: {name}"):
            run_pytest(f"api/test_{name}.py", "-k", TIMELESS)


def check_programs():
    with check("programs: as plain Python does"):
        run_pytest("programs", config=PATIENT)
