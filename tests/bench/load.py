# SPDX-License-Identifier: Apache-2.0
"""Many at once: our server under wrk, and a command under spawner.c; runs a second, percentiles, memory meanwhile."""

import json
import re
import shutil
import subprocess
import tempfile
import threading

import contenders
import harness

SCRIPT = """
wrk.method = "POST"
wrk.body = %s
wrk.headers["Content-Type"] = "application/json"
bad = 0
function setup(thread) thread:set("bad", 0); all = thread end
function response(status, headers, body)
  if status ~= 200 or not string.find(body, '"success": true', 1, true) then bad = bad + 1 end
end
function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format("RESULT %%d %%d %%d %%d %%d %%d %%d", summary.requests, summary.duration, latency:percentile(50), latency:percentile(95),
    latency:percentile(99), errors.connect + errors.read + errors.write + errors.timeout + errors.status, all:get("bad")))
end
"""


def pss_kib(server):
    found = [re.search(r"^Pss:\s+(\d+)", harness.read_text(f"/proc/{p.pid}/smaps_rollup"), re.M) for p in server.processes()]
    return sum(int(f[1]) for f in found if f)


class Peak:
    """The most memory that a server's processes held together, looked at now and then."""

    def __init__(self, server):
        self.server, self.kib, self.is_over = server, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.is_over.wait(0.5):
            self.kib = max(self.kib, pss_kib(self.server))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.is_over.set()
        self.thread.join()


def wrk(server, case, at_once, seconds):
    """One thread of wrk, so many connections."""
    if not shutil.which("wrk"):
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT % json.dumps(json.dumps({"code": case.code})))
        script.flush()
        command = ["wrk", "-t1", f"-c{at_once}", f"-d{max(1, round(seconds))}s", "--timeout", "30s", "-s", script.name, f"{server.url}/run"]
        r = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", r.stdout)
    assert found, r.stdout + r.stderr
    runs, us, p50, p95, p99, errors, bad = map(int, found.groups())
    return {"runs": runs, "runs_s": runs / us * 1e6, "p50": p50 / 1000, "p95": p95 / 1000, "p99": p99 / 1000, "failed": errors + bad}


def spawn(command, at_once, runs):
    tool = contenders.compile_tool("spawner")
    r = subprocess.run([tool, str(at_once), str(runs), *command], capture_output=True, text=True, check=True)
    *lines, last = r.stdout.splitlines()
    us = sorted(map(int, lines))
    place = {f"p{p}": us[min(len(us) - 1, len(us) * p // 100)] / 1000 for p in (50, 95, 99)}
    return {"runs": runs, "runs_s": runs / int(last.split()[1]) * 1e6, "failed": 0, **place}


def measure(ours, commands, case, levels, seconds, tell):
    """Rows of (who, at once, figures). Our server has 64 places in its queue and 256 connections unless told otherwise."""
    rows = []
    with Peak(ours.server) as peak:
        for at_once in levels:
            before = ours.cpu_ms()
            figures = wrk(ours.server, case, at_once, seconds)
            if figures:
                if before is not None and figures["runs"]:
                    figures["cpu_ms"] = (ours.cpu_ms() - before) / figures["runs"]
                rows.append((ours.name, at_once, figures))
            tell()
            for command in commands:
                if at_once <= 64:
                    runs = max(8, int(seconds * 40))
                    rows.append((command.name, at_once, spawn([*command.command, case.code], at_once, runs)))
                tell()
    return rows, peak.kib
