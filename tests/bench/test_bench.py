# SPDX-License-Identifier: Apache-2.0
"""The bench and the soak work: a few runs each. Their figures on a busy machine mean nothing, and are not looked at."""

import json
import pathlib
import re
import subprocess
import tempfile
import time

import harness

HERE = pathlib.Path(__file__).resolve().parent


def run_tool(name, *options):
    """What it printed, its figures, and its page."""
    with tempfile.TemporaryDirectory() as folder:
        r = subprocess.run([HERE / f"{name}.py", *options, "--out", folder], capture_output=True, text=True, timeout=120)
        assert "Traceback" not in r.stderr, r.stderr
        return r.stdout, *((pathlib.Path(folder, f"{name}.{end}").read_text()) for end in ("json", "html"))


def test_the_bench_measures_everybody_in_turn_and_makes_one_page():
    out, figures, page = run_tool("bench", "--rounds", "2", "--seconds", "1", "--case", "print", "--at-once", "2", "--no-docker")
    found = json.loads(figures)
    row = found["cases"]["print(2+2)"]
    assert {"safexec, HTTP", "floor: fork of a warm Python", "python3 -I -c"} <= set(row), found["absent"]
    assert all(f["n"] == 2 and 0 < f["p25"] <= f["p50"] <= f["p95"] for f in row.values())
    assert all(f["failed"] == 0 for _, _, f in found["load"])
    assert "times faster than python3 -I -c  at least 8" in out
    assert "times ours" in out and "<svg" in page and "src=" not in page and "href=" not in page


def test_goals_are_told_reached_or_not():
    import goals

    cases = {goals.PRINT: {goals.OURS: {"p50": 2.0}, goals.BARE: {"p50": 15.9}, goals.DOCKER: {"p50": 200.0}, goals.FLOOR: {"p50": 0.6}}}
    load = [(goals.OURS, 8, {"runs_s": 300.0}), (goals.BWRAP, 8, {"runs_s": 60.0}), (goals.OURS, 64, {"runs_s": 100.0, "p50": 650.0})]
    found = {row[0]: row[3].partition(":")[0] for row in goals.rows({"cases": cases, "load": load, "memory": {"cell_kib": 4096}})}
    assert list(found.values()) == ["reached", "NOT reached", "NOT reached", "NOT reached", "reached", "reached"]


def test_the_soak_compares_every_answer_with_its_own_token():
    out, figures, page = run_tool("soak", "--runs", "200")
    found = json.loads(figures)
    assert found["wrong"] == {} and found["done"] == 200, out
    assert "<svg" in page and "src=" not in page


def test_the_soak_knows_a_wrong_answer():
    import soak

    right = {"success": True, "output": "7-a\n"}
    assert soak.judge("7-a", (200, right)) is None
    assert soak.judge("8-b", (200, right)) == "another's output"
    assert soak.judge("7-a", (200, {"success": True, "output": ""})) == "output lost"
    assert soak.judge("7-a", (503, {})) == "refused" and soak.judge("7-a", (0, "gone")) == "no answer"
    assert soak.judge("7-a", (200, {"success": False, "error": "7-a", "output": "7-a\n"})) == "failed"


def test_the_soak_sees_growth():
    import soak

    def sample(n, kib):
        none = {what: {"x": 1} for what in soak.LEEWAY}
        return {"runs": n, **none, "memory KiB": {"x": kib}}

    flat, growing = [[sample(n, 4000 + n * step) for n in range(40)] for step in (1, 100)]
    assert [who for *who, grew in soak.growth(flat) if grew] == []
    assert [who[:2] for *who, grew in soak.growth(growing) if grew] == [["memory KiB", "x"]]


def safexec_bench(server, *options):
    command = [harness.BUILD / "safexec", "bench", "--server", f"127.0.0.1:{server.port}", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_safexec_bench_counts_every_run_in_its_histogram(start_server):
    r = safexec_bench(start_server(), "--runs", "40", "--at-once", "2")
    assert r.returncode == 0, r.stderr
    least, p50, p95, p99, most = map(float, re.search(r"((?:[\d.]+ +){5})ms", r.stdout)[1].split())
    assert r.stdout.startswith("40 runs, ") and 0 < least <= p50 <= p95 <= p99 <= most
    assert sum(int(n) for n in re.findall(r" ms +(\d+)  #*$", r.stdout, re.M)) == 40


def test_safexec_bench_has_figures_for_programs_and_a_page_for_people(start_server):
    server = start_server()
    found = json.loads(safexec_bench(server, "--runs", "40", "--format", "json").stdout)
    assert found["runs"] == 40 == sum(row["runs"] for row in found["histogram"]) and found["at_once"] == 1 and found["runs_a_second"] > 0
    assert 0 < found["latency_ms"]["least"] <= found["latency_ms"]["p99"] <= found["latency_ms"]["most"]
    page = safexec_bench(server, "--runs", "40", "--format", "html").stdout
    assert "<svg" in page and "src=" not in page and page.endswith("</html>\n")
    r = safexec_bench(server, "--format", "xml")
    assert r.returncode == 2 and "must be text, json or html" in r.stderr


def test_safexec_bench_says_that_nobody_is_there(start_server):
    server = start_server()
    server.stop()
    r = safexec_bench(server)
    assert (r.returncode, r.stdout) == (1, "") and "no server answers there" in r.stderr


def test_a_long_answer_is_not_sent_with_pauses(start_server):
    """A mebibyte takes the HTTP library many turns. With a pause after some of them it took 70 ms on any machine; now a few."""
    server = start_server()
    times = []
    for _ in range(10):
        begin = time.monotonic()
        assert len(server.run("print('x' * 1048575)")["output"]) == 1 << 20
        times.append(time.monotonic() - begin)
    assert min(times) < 0.05, times
