# SPDX-License-Identifier: Apache-2.0
"""POST /v1/runs with cases: one program, many inputs, a verdict for each."""
import time

import pytest
import v1

DOUBLE = "print(2 * float(input()))"


def passed(answer):
    return [case["passed"] for case in answer["cases"]]


def test_each_case_has_a_verdict_and_an_answer_of_its_own(server):
    answer = v1.run(server, "x = input(); print(x); int(x)", cases=[
        {"name": "good", "stdin": "1", "expected": "1"}, {"stdin": "2", "expected": "3"}, {"name": "bad", "stdin": "x", "expected": "x"},
        {"stdin": "4"}])
    assert (answer["passed"], answer["failed"], passed(answer)) == (2, 2, [True, False, False, True])
    assert [case["name"] for case in answer["cases"]] == ["good", None, "bad", None]
    assert [case["index"] for case in answer["cases"]] == [0, 1, 2, 3]
    assert [case["stdout"] for case in answer["cases"]] == ["1\n", "2\n", "x\n", "4\n"]
    assert [case["verdict"] for case in answer["cases"]] == ["ok", "ok", "error", "ok"]
    assert [case["different_line"] for case in answer["cases"]] == [None, 1, None, None]
    assert answer["cases"][2]["error"]["type"] == "ValueError"
    assert len({answer["id"], *(case["id"] for case in answer["cases"])}) == 5


@pytest.mark.parametrize("case, want", [
    ({"expected": "a\n b\n", "compare": "exact"}, True),
    ({"expected": "a\n b", "compare": "exact"}, False),
    ({"expected": "a\nb", "compare": "lines"}, True),
    ({"expected": " a \nb\n\n\n"}, True),
    ({"expected": "a\nb\nc", "compare": "lines"}, False),
    ({"expected": "a b", "compare": "numbers"}, True),
    ({"expected": "a b", "compare": "lines"}, False),
    ({"expected": "", "compare": "lines"}, False),
    ({}, True),
])
def test_text_is_compared_as_asked(server, case, want):
    assert passed(v1.run(server, "print('a\\n b')", cases=[case])) == [want]


@pytest.mark.parametrize("value, tolerance, want", [
    ("0.3", None, True), ("0.30001", None, False), ("0.31", 0.1, True), ("0.5", 0.1, False), ("300e-3", 0, False), ("nan", 1, False), ("0x", 1, False),
])
def test_numbers_are_compared_within_a_tolerance(server, value, tolerance, want):
    case = {"expected": value, "compare": "numbers", **({} if tolerance is None else {"tolerance": tolerance})}
    assert passed(v1.run(server, "print(0.1 + 0.2)", cases=[case])) == [want]


def test_cases_run_beside_each_other_and_no_more_than_the_share(server):
    began = time.monotonic()
    answer = v1.run(server, "import time; time.sleep(0.5); print(input())", cases=[{"stdin": str(n), "expected": str(n)} for n in range(8)])
    took = time.monotonic() - began
    assert answer["passed"] == 8 and 0.9 < took < 3.5


def test_128_cases_are_all_judged(server):
    answer = v1.run(server, DOUBLE, cases=[{"stdin": str(n), "expected": str(2 * n if n % 3 else -1), "compare": "numbers"} for n in range(128)])
    assert passed(answer) == [n % 3 != 0 for n in range(128)]


def test_limits_and_files_are_those_of_every_case(server):
    answer = v1.run(server, "print(open('f').read(), input()); import time; time.sleep(int(input()))", files=[{"path": "f", "content": "F"}],
                    limits={"wall_ms": 500}, cases=[{"stdin": "a\n0", "expected": "F a"}, {"stdin": "b\n9", "expected": "F b"}])
    assert [(case["stdout"], case["verdict"]) for case in answer["cases"]] == [("F a\n", "ok"), ("F b\n", "timeout")]
    assert passed(answer) == [True, False]


def test_a_case_without_stdin_reads_nothing(server):
    assert passed(v1.run(server, "import sys; print(len(sys.stdin.read()))", cases=[{"expected": "0"}, {"stdin": "", "expected": "0"}])) == [True, True]


@pytest.mark.parametrize("accept", ["application/x-ndjson", "text/event-stream"])
def test_a_stream_tells_of_each_case_as_it_ends(server, accept):
    cases = [{"name": "slow", "stdin": "0.6", "expected": "0.6"}, {"name": "fast", "stdin": "0", "expected": "1"}]
    with v1.stream(server, "import time; x = float(input()); time.sleep(x); print(x)", accept, cases=cases) as events:
        began = time.monotonic()
        told = [(event, time.monotonic() - began) for event in events]
    kinds = [(event["event"], event.get("name"), event.get("passed")) for event, _ in told if event["event"] != "heartbeat"]
    assert kinds == [("start", None, None), ("case", "fast", False), ("case", "slow", True), ("verdict", None, 1)]
    assert told[1][1] < 0.5 <= told[-1][1] + 0.1


def test_a_client_that_leaves_ends_all_cases(server):
    with v1.stream(server, "import time; print(1, flush=True); time.sleep(20)", cases=[{}] * 8) as events:
        assert next(events)["event"] == "start"
    began = time.monotonic()
    assert v1.run(server, "print(1)", cases=[{"expected": "1"}] * 4)["passed"] == 4
    assert time.monotonic() - began < 5
