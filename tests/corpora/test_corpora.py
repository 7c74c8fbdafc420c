# SPDX-License-Identifier: Apache-2.0
"""Code with its known answer, by POST /run, and by POST /v1/runs where it is longer, or takes longer, than a run may there. The corpora are
not part of this tree: a file of them is one JSON object a line, {id, code, expect: {success, output_equals}}."""

import concurrent.futures
import json
import os
import pathlib
import warnings

import harness
import pytest

FOLDER = pathlib.Path(os.environ.get("SAFEXEC_CORPORA", harness.ROOT.parent / "shared/corpora"))
CORPORA = {"humaneval": 164, "mbpp": 974}  # how many lines each has
AT_ONCE = 4
SLOW_S = 4  # of one CPU; a run has half of one for ten seconds


def load(name):
    path = FOLDER / f"{name}.jsonl"
    if not path.exists():
        reason = f"NOT TESTED: {path} is not here; SAFEXEC_CORPORA names the folder of the corpora"
        warnings.warn(reason)
        pytest.skip(reason)
    return [json.loads(line) for line in path.read_text().splitlines()]


def run_at_length(server, session, code):
    limits = {"wall_ms": 60000, "cpu_ms": 60000, "cpus": 1}
    response = server.post({"code": code, "limits": limits}, path="/v1/runs", timeout=90, session=session)
    answer = response.json()
    assert response.status_code == 200, answer
    return {"success": answer["verdict"] == "ok", "output": answer["stdout"], "error": answer["stderr"]}


def fault(server, session, row):
    """None, or what is wrong with the answer."""
    if len(row["code"]) <= 5000 and row.get("baseline_s", 0) < SLOW_S:
        answer = server.run(row["code"], timeout=60, session=session)
    else:
        answer = run_at_length(server, session, row["code"])
    expect = row["expect"]
    unknown = set(expect) - {"success", "output_equals"}
    assert not unknown, f"{row['id']}: the corpus expects what this test does not look at: {unknown}"
    if answer["success"] != expect["success"] or answer.get("output") != expect.get("output_equals", answer.get("output")):
        return f"{row['id']}: {json.dumps(answer)[:500]}"
    return None


@pytest.mark.parametrize("name", CORPORA)
def test_each_program_of_the_corpus_gives_its_known_answer(server, name):
    rows = load(name)
    assert len(rows) == CORPORA[name]

    def check(part):
        with harness.requests.Session() as session:
            return [fault(server, session, row) for row in part]

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        faults = [f for part in pool.map(check, [rows[i::AT_ONCE] for i in range(AT_ONCE)]) for f in part if f]
    assert not faults, f"{len(faults)} of {len(rows)}: " + "\n".join(faults)
