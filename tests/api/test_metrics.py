# SPDX-License-Identifier: Apache-2.0
"""What a server tells of itself: /readyz, /metrics, the log of requests, the audit log."""
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import threading
import time

import pytest
import requests

import harness

SAFEXEC = harness.BUILD / "safexec"
WAIT_S = 20


@pytest.fixture(scope="module")
def watched(start_server):
    server = start_server("--slots", "2", "--log-format", "json")
    harness.wait_until(lambda: requests.get(server.url + "/v1/jobs", timeout=10).ok, WAIT_S, "the store")
    return server


def metrics(server):
    reply = requests.get(server.url + "/metrics", timeout=10)
    assert reply.status_code == 200 and reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return reply.text


def values(server):
    return {name: float(value) for name, value in re.findall(r"^(safexec_[^ ]+) ([-+.\deInf]+)$", metrics(server), re.M)}


def grown(server, before, name):
    return values(server).get(name, 0) - before.get(name, 0)


def run(server, code, **more):
    return requests.post(server.url + "/v1/runs", json={"code": code, **more}, timeout=20)


def test_each_run_is_counted_by_verdict_environment_and_provider_with_its_stages(watched):
    before = values(watched)
    for code, limits in (("print('x' * 100)", {}), ("1/0", {}), ("while True: pass", {"wall_ms": 100})):
        assert run(watched, code, limits=limits).status_code == 200
    for verdict in ("ok", "error", "timeout"):
        assert grown(watched, before, f'safexec_runs_total{{verdict="{verdict}",environment="base",provider="native"}}') == 1
    for stage in ("queue", "setup", "run", "collect", "whole"):
        assert grown(watched, before, f'safexec_run_seconds_count{{stage="{stage}"}}') == 3
        assert grown(watched, before, f'safexec_run_seconds_bucket{{stage="{stage}",le="+Inf"}}') == 3
    assert 0.1 <= grown(watched, before, 'safexec_run_seconds_sum{stage="run"}') < 10
    assert grown(watched, before, "safexec_output_bytes_total") > 100
    assert grown(watched, before, "safexec_cells_total") >= 2
    assert grown(watched, before, 'safexec_http_requests_total{code="2xx"}') >= 3


def test_a_client_that_leaves_is_counted_as_canceled(watched):
    before = values(watched)
    with pytest.raises(requests.Timeout):
        requests.post(watched.url + "/v1/runs", json={"code": "import time\ntime.sleep(9)"}, timeout=0.3)
    harness.wait_until(lambda: grown(watched, before, "safexec_runs_canceled_total") == 1, WAIT_S, "one canceled")


def test_the_state_of_the_server_is_told(watched):
    now = values(watched)
    assert now["safexec_slots"] == 2 and now["safexec_store_up"] == 1 and now["safexec_keys"] == 0
    assert 1 << 20 < now["safexec_front_resident_bytes"] < 1 << 28


def test_the_age_of_each_zygote_is_told_and_begins_anew_with_a_new_one(start_server):
    age = 'safexec_zygote_age_seconds{environment="base",provider="native"}'
    server = start_server("--slots", "1", "--zygote-max-forks", "8")
    began = time.monotonic()
    first = values(server)[age]
    time.sleep(0.5)
    assert 0.5 <= values(server)[age] - first <= time.monotonic() - began + 0.1
    seen = [values(server)[age]]

    def is_younger():
        for _ in range(4):
            run(server, "print(1)")
        seen.append(values(server)[age])
        return seen[-1] < seen[-2]

    harness.wait_until(is_younger, WAIT_S, "a younger zygote")


def find_promtool(cache):
    """Debian's, without its service: from the package itself where it is not installed."""
    if found := shutil.which("promtool"):
        return found
    cache.mkdir(parents=True, exist_ok=True)
    promtool = cache / "usr/bin/promtool"
    if not promtool.exists():
        subprocess.run(["apt-get", "download", "-q", "prometheus"], cwd=cache, capture_output=True, timeout=120)
        for package in cache.glob("prometheus_*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, cache], check=True, timeout=60)
            package.unlink()
    return promtool if promtool.exists() else None


def test_promtool_has_nothing_to_say(watched):
    promtool = find_promtool(harness.BUILD / "promtool")
    if not promtool:
        pytest.skip("promtool cannot be had here")
    run(watched, "print(1)")
    check = subprocess.run([promtool, "check", "metrics"], input=metrics(watched), capture_output=True, text=True, timeout=60)
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


def test_the_dashboard_asks_for_numbers_that_there_are(watched):
    dashboard = json.loads((harness.ROOT / "packaging/grafana/safexec.json").read_text())
    run(watched, "print(1)")
    there = set(re.findall(r"^(safexec_\w+)", metrics(watched), re.M))
    asked = {name for panel in dashboard["panels"] for target in panel["targets"] for name in re.findall(r"safexec_\w+", target["expr"])}
    assert len(asked) > 15 and asked <= there


def test_ready_when_a_program_really_runs(watched):
    assert requests.get(watched.url + "/readyz", timeout=20).json() == {"status": "ok"}


def test_not_ready_while_no_cell_can_be_had(own):
    front = own(slots=1)
    holder = threading.Thread(target=front.run, args=("hold:x",))
    holder.start()
    assert front.provider.events.get(timeout=WAIT_S) == ("holding", "x")
    reply = requests.get(front.url("/readyz"), timeout=10)
    assert reply.status_code == 503 and reply.headers["Retry-After"] == "1"
    front.provider.release.set()
    holder.join()
    assert requests.get(front.url("/readyz"), timeout=10).json() == {"status": "ok"}


def lines(server):
    return [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]


def test_the_log_has_a_json_object_a_request_and_a_run_and_never_code(watched):
    reply = requests.post(watched.url + "/v1/runs", json={"code": "print('s3cret-program')", "env": {"PASSWORD": "s3cret-value"}},
                          headers={"X-Request-Id": "asked-by-a-test"}, timeout=20)
    assert reply.json()["stdout"] == "s3cret-program\n"
    found = harness.wait_until(lambda: [line for line in lines(watched) if line["request_id"] == "asked-by-a-test"][:2], WAIT_S, "two lines")
    ran, asked = sorted(found, key=lambda line: line["event"], reverse=True)
    assert (ran["event"], ran["verdict"], ran["key"]) == ("run", "ok", 0)
    assert {"queue_us", "setup_us", "run_us", "collect_us", "at"} <= set(ran)
    assert (asked["event"], asked["method"], asked["route"], asked["status"]) == ("request", "POST", "/v1/runs", 200)
    assert "s3cret" not in watched.log()


def verify(state, *files):
    return subprocess.run([SAFEXEC, "log", "--state", state, "verify", *files], capture_output=True, text=True, timeout=WAIT_S)


def test_the_audit_log_says_who_ran_what_and_cannot_be_changed_unseen(watched, tmp_path):
    body = json.dumps({"code": "print('to be audited')"}).encode()
    requests.post(watched.url + "/v1/runs", data=body, headers={"Content-Type": "application/json", "X-Request-Id": "audited-by-a-test"}, timeout=20)
    log = pathlib.Path(watched.state.name) / "audit.log"
    entry = harness.wait_until(lambda: [line for line in map(json.loads, log.read_text().splitlines()) if line["request"] == "audited-by-a-test"], WAIT_S,
                               "its line")[0]
    assert entry["sha256"] == hashlib.sha256(body).hexdigest()
    assert (entry["verdict"], entry["place"], entry["key"], entry["limits"]["wall_ms"]) == ("ok", "native/base", 0, 10000)
    assert "to be audited" not in log.read_text()
    checked = verify(watched.state.name)
    assert checked.returncode == 0 and re.fullmatch(r"\d+ lines, unbroken; the last hash is [0-9a-f]{64}\n", checked.stdout), checked.stderr
    forged = tmp_path / "forged.log"
    forged.write_text(log.read_text().replace('"verdict":"ok"', '"verdict":"error"', 1))
    checked = verify(watched.state.name, str(forged))
    assert checked.returncode == 1 and "it was changed" in checked.stderr
