# SPDX-License-Identifier: Apache-2.0
"""What the bench is to show, as ratios of one and the same run; each goal is printed as reached or not, and those that were not with why."""

OURS, BARE, BWRAP, DOCKER, FLOOR = "safexec, HTTP", "python3 -I -c", "bwrap + python3", "docker run", "floor: fork of a warm Python"
PRINT, PANDAS, CPU = "print(2+2)", "import pandas", "50 ms of CPU"
WHY_RUNS = "a run's own processes and namespaces take the CPU: docs/decisions/0068"


def p50(result, case, who):
    return result["cases"].get(case, {}).get(who, {}).get("p50")


def at(result, who, at_once, key):
    return next((f[key] for name, n, f in result.get("load", []) if (name, n) == (who, at_once)), None)


def over(a, b):
    return a / b if a and b else None


def times(case, who):
    return lambda result: over(p50(result, case, who), p50(result, case, OURS))


def queue_share(result):
    runs = at(result, OURS, 64, "runs_s")
    return over(at(result, OURS, 64, "p50"), 64_000 / runs if runs else None)


def work_share(result):
    """The work alone: what an empty program takes is taken off on both sides."""
    work = [over_empty(result, who) for who in (OURS, BARE)]
    return over(*work)


def over_empty(result, who):
    whole, empty = p50(result, CPU, who), p50(result, PRINT, who)
    return whole - empty if whole and empty else None


# (what, "least" or "most", wanted, measure, why not)
GOALS = [
    ("print(2+2), p50: times faster than docker run", "least", 100, times(PRINT, DOCKER), ""),
    ("print(2+2), p50: times faster than python3 -I -c", "least", 8, times(PRINT, BARE), ""),
    ("print(2+2), p50: times the floor", "most", 3, lambda r: over(p50(r, PRINT, OURS), p50(r, PRINT, FLOOR)), ""),
    ("runs/s, 8 at once: times bwrap + python3", "least", 10, lambda r: over(at(r, OURS, 8, "runs_s"), at(r, BWRAP, 8, "runs_s")), WHY_RUNS),
    ("import pandas, p50: times faster than the cold import", "least", 50, times(PANDAS, BARE), ""),
    ("50 ms of CPU at cpus 1, start and end included: times python3 -I -c", "most", 1.05, lambda r: over(1, times(CPU, BARE)(r)), ""),
    ("the same without what an empty program takes", "most", 1.05, work_share, "a run's thread of one CPU shares it with the server's next cells"),
    ("a waiting cell: MiB of PSS", "most", 4, lambda r: over(r["memory"].get("cell_kib"), 1024), ""),
    ("p50, 64 at once: times what the queue explains (64 / runs a second)", "most", 1.1, queue_share, ""),
]
HEADS = ["goal", "wanted", "measured", ""]


def rows(result):
    found = []
    for what, kind, wanted, measure, why in GOALS:
        value = measure(result)
        if value is None:
            continue
        is_reached = value >= wanted if kind == "least" else value <= wanted
        found.append([what, f"at {kind} {wanted}", value, "reached" if is_reached else f"NOT reached{': ' + why if why else ''}"])
    return found
