# SPDX-License-Identifier: Apache-2.0
"""Every attack of the table must be stopped, leave nothing, and find the server as it was. Never run one outside of a sandbox."""

import concurrent.futures
import contextlib
import re
import textwrap
import time

import cases
import harness
import pytest
import scene

SLOW_AT_ONCE = 6
LONGEST_S = 11 + (harness.SLOW - 1)  # the wall time, the end of all processes, and some for a busy machine
SLOTS = 8  # more runs than slots that a small machine keeps idle: an earlier run has been in each

by_name = pytest.mark.parametrize("attack", cases.ATTACKS, ids=lambda a: a.name)


@pytest.fixture(scope="module")
def names(server):
    with scene.baits(server) as names:
        yield names


def launch(server, attack, names):
    """The attack's answer, its mark and how long it took."""
    mark = scene.new_mark()
    begin = time.monotonic()
    answer = server.run(attack.text(**names, MARK=mark), read_only=attack.read_only, timeout=60)
    return answer, mark, time.monotonic() - begin


@pytest.fixture(scope="module")
def slow_answers(server, names):
    """Those that take the whole wall time run side by side; a run's own time counts, so that waiting for a slot does not."""
    slow = [attack for attack in cases.ATTACKS if attack.is_slow]
    with concurrent.futures.ThreadPoolExecutor(SLOW_AT_ONCE) as pool:
        return dict(zip((a.name for a in slow), pool.map(lambda a: launch(server, a, names), slow)))


def is_blocked(answer):
    return answer["success"] and bool(re.fullmatch(r"BLOCKED [^\n]*\n", answer["output"]))


def check_answer(attack, answer):
    if attack.documented:
        security = " ".join((harness.ROOT / "SECURITY.md").read_text().split())
        assert answer["output"].startswith("ESCAPED "), f"it is stopped now: let the table say by what, and SECURITY.md: {answer}"
        assert attack.documented in security, f'SECURITY.md does not say "{attack.documented}"'
        return
    says = answer.get("error", "").rstrip("\n")
    shown = f"{attack.layer} should stop it: {answer['output'][:2000]!r} {says[-2000:]!r}"
    if attack.also and not answer["success"] and says.endswith(attack.also):
        return
    assert is_blocked(answer) if not attack.expect else not answer["success"] and says.endswith(attack.expect), shown


def main_processes(server):
    return [(p.pid, p.comm) for name in ("safexec", "safexec-warden", "safexecd") for p in server.find(name)]


@by_name
def test_attack_is_stopped(server, names, request, attack):
    before = main_processes(server)
    for _ in range(SLOTS if attack.before else 0):
        assert server.run(textwrap.dedent(attack.before))["success"]
    with scene.neighbour(server) if attack.neighbour else contextlib.nullcontext():
        if attack.is_slow:
            answer, mark, seconds = request.getfixturevalue("slow_answers")[attack.name]
        else:
            answer, mark, seconds = launch(server, attack, names)
    check_answer(attack, answer)
    assert seconds < LONGEST_S, f"answered after {seconds:.1f} s"
    for _ in range(SLOTS - 1 if attack.before else 0):
        check_answer(attack, launch(server, attack, names)[0])
    harness.wait_until(
        lambda: not harness.processes_with(mark), 3, f"no process of the run is left: {harness.processes_with(mark)}"
    )
    harness.wait_until(lambda: not [p for p in server.processes() if p.state == "Z"], 3, "no zombie is left")
    assert server.run("print(1)") == {"success": True, "output": "1\n"}
    assert main_processes(server) == before, server.log()


def test_runs_do_not_share_random_numbers(server):
    code = "import os, random, tempfile, uuid\nprint(random.getrandbits(64), random.Random().getrandbits(64), uuid.uuid4(), os.urandom(8).hex(), next(tempfile._get_candidate_names()))"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        rows = [answer["output"].split() for answer in pool.map(lambda _: server.run(code), range(12))]
    for column in zip(*rows):
        assert len(set(column)) == len(rows), f"guests share a generator's state: {column}"


def test_the_table_is_complete():
    attacks = cases.ATTACKS
    assert len(attacks) >= 60
    assert len({a.name for a in attacks}) == len(attacks)
    assert not [a.name for a in attacks if not a.wants or not a.layer]
    assert not [a.name for a in attacks if len(a.text(MARK="m" * 15)) > 4900]
