#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Very many runs, and what they leave behind. Each run prints a token of its own, which must come back to the one who sent it.

Usage: soak.py [--runs N] [--at-once N] [--out FOLDER]; takes root. Says what was lost, mixed up or has grown, and writes soak.json and
soak.html with charts to the folder (build/bench). Status 1 when an answer was wrong or something grew.
"""

import argparse
import collections
import http.client
import itertools
import json
import pathlib
import secrets
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import harness  # noqa: E402
import report  # noqa: E402

SAMPLES = 200
HEADERS = {"Content-Type": "application/json"}
# What of each may grow from the first quarter to the last before it is called growth: a share, and an amount.
LEEWAY = {"memory KiB": (0.05, 1024), "descriptors": (0, 3), "processes": (0, 3), "latency ms": (0.25, 1)}


class Client(threading.Thread):
    """Asks over one connection until the numbers run out."""

    def __init__(self, port, numbers, shared):
        super().__init__(daemon=True)
        self.port, self.numbers, self.shared = port, numbers, shared

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        for number in self.numbers:
            token = f"{number}-{secrets.token_hex(12)}"
            begin = time.perf_counter()
            try:
                connection.request("POST", "/run", json.dumps({"code": f"print({token!r})"}), HEADERS)
                response = connection.getresponse()
                answer = response.status, json.loads(response.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                connection.close()
                answer = 0, str(error)
            self.shared.note((time.perf_counter() - begin) * 1000, token, answer)
        connection.close()


class Shared:
    def __init__(self):
        self.lock, self.done, self.window, self.wrong = threading.Lock(), 0, [], collections.Counter()
        self.examples = []

    def note(self, ms, token, answer):
        what = judge(token, answer)
        with self.lock:
            self.done += 1
            self.window.append(ms)
            if what:
                self.wrong[what] += 1
                self.examples = [*self.examples, f"{token}: {answer}"[:300]][:5]

    def take_window(self):
        with self.lock:
            taken, self.window = self.window, []
            return self.done, taken


def judge(token, answer):
    """What is wrong with an answer, or None."""
    status, body = answer
    if status != 200:
        return "refused" if status else "no answer"
    if body == {"success": True, "output": token + "\n"}:
        return None
    output = body.get("output", "")
    return "output lost" if not output else "another's output" if token not in output else "failed"


def role_of(process, base):
    if process.comm != "python3":
        return process.comm
    return "zygotes and forkers" if process.uid == base else "guests"


def look(server):
    """{what: {who: number}} of all that could grow."""
    found = server.processes()
    base = min((p.uid for p in found if p.comm == "safexec-nursery"), default=0)
    figures = {"memory KiB": collections.Counter(), "descriptors": collections.Counter(), "processes": collections.Counter()}
    for process in found:
        role = role_of(process, base)
        figures["processes"]["all" if process.state != "Z" else "zombies"] += 1
        if role in ("guests", "safexec-init", "zygotes and forkers", ""):
            continue  # they come and go, or are gone; whoever makes them is looked at
        rss = harness.re.search(r"^VmRSS:\s+(\d+)", harness.read_text(f"/proc/{process.pid}/status"), harness.re.M)
        figures["memory KiB"][role] += int(rss[1]) if rss else 0
        figures["descriptors"][role] += len(process.descriptors())
    figures["processes"]["mounts"] = len(harness.read_text("/proc/self/mountinfo").splitlines())
    figures["processes"]["cgroups"] = len(harness.cgroups_of(server.name))
    return figures


def soak(server, runs, at_once):
    """Samples over the runs, and what went wrong."""
    shared, numbers, samples = Shared(), itertools.count(), []
    lock = threading.Lock()

    def take():
        while True:
            with lock:
                number = next(numbers)
            if number >= runs:
                return
            yield number

    clients = [Client(server.port, take(), shared) for _ in range(at_once)]
    for client in clients:
        client.start()
    begin = time.monotonic()
    while any(client.is_alive() for client in clients):
        target = (len(samples) + 1) * max(runs // SAMPLES, 1)
        while shared.done < target and any(client.is_alive() for client in clients):
            time.sleep(0.02)
        done, window = shared.take_window()
        if window:
            samples.append({"runs": done, "latency ms": {"median": statistics.median(window)}, **look(server)})
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{done} of {runs} runs, {done / (time.monotonic() - begin):.0f} a second ")
    return samples, shared, time.monotonic() - begin


def growth(samples):
    """(what, who, first, last, grew): medians of the second and the last quarter; the first one warms up."""
    quarter = max(len(samples) // 4, 1)
    rows = []
    for what, (share, amount) in LEEWAY.items():
        for who in sorted({who for s in samples for who in s[what]}):
            first, last = (statistics.median(s[what].get(who, 0) for s in part) for part in (samples[quarter : 2 * quarter] or samples, samples[-quarter:]))
            rows.append((what, who, first, last, last - first > first * share + amount))
    return rows


def as_html(result):
    parts = [f"<p>{html_line}</p>" for html_line in result["lines"]]
    for what in ("latency ms", "memory KiB", "descriptors", "processes"):
        names = sorted({who for s in result["samples"] for who in s[what]})
        series = {who: [(s["runs"], s[what].get(who, 0)) for s in result["samples"]] for who in names}
        parts.append(report.lines(what.partition(" ")[0], series, what.partition(" ")[2], "runs"))
    rows = [[f"{what}, {who}", first, last, "GREW" if grew else "flat"] for what, who, first, last, grew in result["growth"]]
    parts.append(report.html_table(["", "second quarter", "last quarter", ""], rows))
    return report.page("Very many runs", parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--out", type=pathlib.Path, default=harness.ROOT / "build" / "bench")
    options = parser.parse_args()
    server = harness.Server().wait_ready()
    try:
        samples, shared, seconds = soak(server, options.runs, options.at_once)
    finally:
        server.stop()
    wrong = sum(shared.wrong.values())
    rows = growth(samples)
    grown = [f"{what} of {who}" for what, who, _, _, grew in rows if grew]
    lines = [
        f"{shared.done} runs, {options.at_once} at once, in {seconds:.0f} s: {shared.done / seconds:.0f} a second",
        f"answers lost, mixed up or refused: {wrong} {dict(shared.wrong) or ''} {shared.examples or ''}",
        f"grew: {', '.join(grown) or 'nothing'}",
    ]
    result = {"lines": lines, "samples": samples, "growth": rows, "wrong": dict(shared.wrong), "done": shared.done}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "soak.json").write_text(json.dumps(result))
    (options.out / "soak.html").write_text(as_html(result))
    if sys.stderr.isatty():
        sys.stderr.write("\n")
    print(report.text_table(["", "second quarter", "last quarter", ""], [[f"{w}, {o}", a, b, "GREW" if g else "flat"] for w, o, a, b, g in rows]))
    print("\n".join(lines))
    print(f"{options.out}/soak.html has the charts")
    sys.exit(1 if wrong or grown else 0)


if __name__ == "__main__":
    main()
