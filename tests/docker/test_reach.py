# SPDX-License-Identifier: Apache-2.0
"""How much of the kernel a run can call, beside a container with Docker's default profile; both as the kernel tells it."""

import pathlib
import sys

import harness

sys.path.append(str(pathlib.Path(harness.ROOT, "tests/attacks")))
import reach  # noqa: E402


def test_a_run_reaches_less_of_the_kernel_than_a_container_does(engine, start_server):
    names = reach.call_names()
    ours = reach.reach(reach.guest_filters(start_server("--slots", "1")), names)
    theirs = reach.reach(reach.container_filters(engine), names)
    more = [names[n] for n in names if ours[n] != "refused" and theirs[n] == "refused"]
    assert more == [], "each needs a word in SECURITY.md why"
    assert sum(kind != "refused" for kind in theirs.values()) > sum(kind != "refused" for kind in ours.values()) + 20
