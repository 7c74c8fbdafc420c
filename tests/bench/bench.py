#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a run costs, beside what people use today: all in turn, warmed up, medians with their spread, and ratios of one and the same run.

Usage: bench.py [--rounds N] [--seconds N] [--case WORD] [--at-once N,N] [--no-docker] [--out FOLDER]; takes root. Writes a table to
stdout, and bench.json and bench.html to the folder (build/bench).
"""

import argparse
import contextlib
import importlib.util
import json
import os
import pathlib
import platform
import statistics
import sys
import time

import cases
import contenders
import crun
import goals
import load
import report
from contenders import harness

WARM_UPS = 3


class Progress:
    """One line on stderr, when that is a terminal."""

    def __init__(self, total):
        self.total, self.done = max(total, 1), 0

    def tell(self, what=""):
        self.done += 1
        if sys.stderr.isatty():
            share = min(self.done / self.total, 1)
            sys.stderr.write(f"\r[{'#' * int(30 * share):30}] {100 * share:3.0f} %  {what[:60]:60}")
            sys.stderr.flush()


def rounds_of(contender, case, rounds):
    return max(2, int(rounds * case.rounds * (0.1 if contender.is_heavy else 1)))


def measure_case(case, present, rounds, progress):
    """{contender: {"ms": [...], "cpu_ms": mean}}; each round asks everybody once."""
    who = [c for c in present if c.can(case)]
    found = {c.name: {"ms": []} for c in who}
    for c in who:
        for _ in range(1 if c.is_heavy else WARM_UPS):
            _, size = c.run(case)
            assert case.output_bytes in (0, size), f"{c.name}: {case.name} printed {size} bytes, not {case.output_bytes}"
    before = {c.name: c.cpu_ms() for c in who}
    most = max(rounds_of(c, case, rounds) for c in who)
    for i in range(most):
        for c in who:
            if len(found[c.name]["ms"]) * most <= i * rounds_of(c, case, rounds):
                found[c.name]["ms"].append(c.run(case)[0])
                progress.tell(f"{case.name}: {c.name}")
    time.sleep(0.2)  # the last cells are made
    for c in who:
        if before[c.name] is not None:
            found[c.name]["cpu_ms"] = (c.cpu_ms() - before[c.name]) / len(found[c.name]["ms"])
    return found


def summary(ms):
    ordered = sorted(ms)
    place = lambda share: ordered[min(len(ordered) - 1, int(len(ordered) * share))]  # noqa: E731
    return {"n": len(ms), "p10": place(0.1), "p25": place(0.25), "p50": statistics.median(ms), "p75": place(0.75), "p95": place(0.95), "p99": place(0.99)}


def idle_memory(server):
    """KiB: of a cell that waits (guest, init, forker), and of the whole server."""
    found = server.processes()
    base = min(p.uid for p in found if p.comm == "safexec-nursery")
    inits = [p for p in found if p.comm == "safexec-init"]
    all_kib = load.pss_kib(server)
    programs = [p for p in found if p.comm.startswith("safexec") and p not in inits]
    pss = {p.pid: contenders.re.search(r"^Pss:\s+(\d+)", harness.read_text(f"/proc/{p.pid}/smaps_rollup"), contenders.re.M) for p in found}
    kib = lambda ps: sum(int(pss[p.pid][1]) for p in ps if pss[p.pid])  # noqa: E731
    zygote = [p for p in found if p.comm == "python3" and p.uid == base and p.parent in {q.pid for q in found if q.comm == "safexec-nursery"}]
    cells = all_kib - kib(programs) - kib(zygote)
    return {"cell_kib": cells / max(len(inits), 1), "cells": len(inits), "server_kib": all_kib}


def run(options):
    present, absent = [], {}
    chosen = [case for case in cases.CASES if options.case in case.name]
    missing = [m for m in cases.PRELOAD["science"] if not importlib.util.find_spec(m.partition(".")[0])]
    if missing:
        absent["science cases"] = f"{', '.join(missing)} cannot be imported"
        chosen = [case for case in chosen if case.environment != "science"]
    everybody = contenders.everybody(options.docker, sorted({case.environment for case in chosen} | {"base"}))
    everybody.insert(4, crun.Crun())
    with contextlib.ExitStack() as stack:
        for c in everybody:
            why = c.missing()
            if why:
                absent[c.name] = why
                continue
            c.start()
            stack.callback(c.stop)
            present.append(c)
        ours = present[0]
        result = {"machine": machine(), "absent": absent, "cases": {}, "memory": {}}
        time.sleep(1)
        if isinstance(ours, contenders.Http):
            base = contenders.Http("base alone")
            base.start()
            stack.callback(base.stop)
            time.sleep(1)
            result["memory"] = idle_memory(base.server)
        total = sum(rounds_of(c, case, options.rounds) for case in chosen for c in present if c.can(case))
        commands = [c for c in present if type(c) is contenders.Command]
        progress = Progress(total + len(options.at_once) * (1 + len(commands)))
        for case in chosen:
            result["cases"][case.name] = measure_case(case, present, options.rounds, progress)
        if isinstance(ours, contenders.Http):
            many = contenders.Http("safexec, HTTP", ["--queue", "1000"])
            many.start()
            stack.callback(many.stop)
            rows, peak = load.measure(many, commands, cases.CASES[0], options.at_once, options.seconds, progress.tell)
            result["load"], result["memory"]["peak_kib"] = rows, peak
            result["stages"] = {name: {s: statistics.median(v) for s, v in stages.items()} for name, stages in ours.stages.items()}
    for found in result["cases"].values():
        for figures in found.values():
            figures.update(summary(figures.pop("ms")))
    return result


def machine():
    return {"cpus": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version(), "load": os.getloadavg()[0]}


HEADS = ["", "p50 ms", "p25", "p75", "p95", "p99", "CPU ms", "times ours"]


def case_rows(found):
    ours = next(iter(found.values()))["p50"]
    return [[n, f["p50"], f["p25"], f["p75"], f["p95"], f["p99"], f.get("cpu_ms"), f["p50"] / ours] for n, f in found.items()]


def load_rows(result):
    rows = result.get("load", [])
    return [[f"{who}, {n} at once", f["runs_s"], f["p50"], f["p95"], f["p99"], f.get("cpu_ms"), f["failed"]] for who, n, f in rows]


LOAD_HEADS = ["", "runs/s", "p50 ms", "p95", "p99", "CPU ms", "failed"]


def sections(result):
    """(title, heads, rows) of every table."""
    for name, found in result["cases"].items():
        yield name, HEADS, case_rows(found)
    if result.get("load"):
        yield "print(2+2), many at once", LOAD_HEADS, load_rows(result)
    if result.get("stages"):
        stages = sorted({s for found in result["stages"].values() for s in found})
        rows = [[name, *[found.get(s) for s in stages]] for name, found in result["stages"].items()]
        yield "stages of a run of ours, median ms", ["", *stages], rows
    memory = result["memory"]
    if goals.rows(result):
        yield "goals", goals.HEADS, goals.rows(result)
    if memory:
        rows = [["a waiting cell", memory["cell_kib"] / 1024], [f"the server, {memory['cells']} cells", memory["server_kib"] / 1024]]
        yield "memory, MiB of PSS", ["", "MiB"], rows + [["the server at its most, many at once", memory.get("peak_kib", 0) / 1024]]


def as_html(result):
    m = result["machine"]
    parts = [f"<p>{m['cpus']} CPUs, Linux {m['kernel']}, Python {m['python']}, load at the start {m['load']:.1f}. All in turn; ratios count.</p>"]
    parts += [f"<p>Not measured: {name}: {why}.</p>" for name, why in result["absent"].items()]
    for title, heads, rows in sections(result):
        parts.append(f"<h2>{report.html.escape(title)}</h2>")
        if title in result["cases"]:
            found = result["cases"][title]
            parts.append(report.bars("median, tenth to 95th percentile", [(n, f["p50"], f["p10"], f["p95"]) for n, f in found.items()], "ms"))
        if heads is LOAD_HEADS:
            names = list(dict.fromkeys(who for who, _, _ in result["load"]))
            of = lambda key: {w: [(n, f[key]) for who, n, f in result["load"] if who == w] for w in names}  # noqa: E731
            parts.append(report.lines("runs a second", of("runs_s"), "runs/s", "at once"))
            parts.append(report.lines("median latency", of("p50"), "ms", "at once"))
        parts.append(report.html_table(heads, rows))
    return report.page("What a run costs", parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=5, help="of each load level")
    parser.add_argument("--case", default="", help="only cases with this in their name")
    parser.add_argument("--at-once", type=lambda text: [int(n) for n in text.split(",") if n], default=cases.AT_ONCE)
    parser.add_argument("--no-docker", dest="docker", action="store_false")
    parser.add_argument("--out", type=pathlib.Path, default=contenders.TOOLS)
    options = parser.parse_args()
    result = run(options)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "bench.json").write_text(json.dumps(result, indent=1))
    (options.out / "bench.html").write_text(as_html(result))
    if sys.stderr.isatty():
        sys.stderr.write("\n")
    for name, why in result["absent"].items():
        print(f"not measured: {name}: {why}")
    for title, heads, rows in sections(result):
        print(f"\n{title}\n{report.text_table(heads, rows)}")
    print(f"\n{options.out}/bench.html has the charts, bench.json the figures.")


if __name__ == "__main__":
    main()
