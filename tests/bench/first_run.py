#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long print(2+2) takes: 100 runs over one connection, each in turn with a fresh `python3 -I -c` of this machine.

Usage: first_run.py [URL [RUNS]]; without a URL it starts a server of its own, which takes root.
"""

import http.client
import json
import pathlib
import statistics
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

BODY = json.dumps({"code": "print(2+2)"})
ANSWER = {"success": True, "output": "4\n"}


def time_of(f):
    begin = time.perf_counter()
    f()
    return (time.perf_counter() - begin) * 1000


def ask(connection):
    connection.request("POST", "/run", BODY, {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    assert answer == ANSWER, answer


def run_plainly():
    assert subprocess.run(["/usr/bin/python3", "-I", "-c", "print(2+2)"], stdout=subprocess.PIPE, check=True).stdout == b"4\n"


def measure(url, runs):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=30)
    served, plain = [], []
    for _ in range(runs):
        served.append(time_of(lambda: ask(connection)))
        plain.append(time_of(run_plainly))
    connection.close()
    return statistics.median(served), statistics.median(plain)


def report(url, runs):
    served, plain = measure(url, runs)
    print(f"POST /run          {served:7.2f} ms (median of {runs})")
    print(f"python3 -I -c      {plain:7.2f} ms (median of {runs}, in turn with it)")
    print(f"ratio              {plain / served:7.1f}")


def main():
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    if len(sys.argv) > 1:
        report(sys.argv[1], runs)
        return
    import harness

    server = harness.Server().wait_ready()
    try:
        report(server.url, runs)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
