# SPDX-License-Identifier: Apache-2.0
"""API keys on a real server: who gets in, what they may ask for, and that a revoked one is of no use at once. And callbacks, whose
receiver is a server of the test's own on an allowed loopback address."""
import concurrent.futures
import hashlib
import hmac
import http.server
import json
import os
import queue
import re
import signal
import subprocess
import tempfile
import threading
import time

import pytest
import requests

import harness
import openapi

SAFEXEC = harness.BUILD / "safexec"
WAIT_S = 20


def keys(state, *args):
    return subprocess.run([SAFEXEC, "keys", "--state", state, *args], capture_output=True, text=True, timeout=WAIT_S)


def add(state, name, *args):
    done = keys(state, "add", name, *args)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"sx_[0-9a-f]{12}_[0-9a-f]{64}\n", done.stdout)
    return done.stdout.strip()


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


class Keyed:
    """A server that asks for keys."""

    def __init__(self, *options):
        self.folder = tempfile.TemporaryDirectory(prefix="safexec-keys-")
        self.state = self.folder.name
        self.first = add(self.state, "first", "--scopes", "run,jobs,admin")
        self.server = harness.Server("--require-key", "yes", "--state", self.state, *options).wait_listening()
        self.url = self.server.url
        harness.wait_until(lambda: self.run(self.first).status_code == 200, WAIT_S, "the first run")
        harness.wait_until(lambda: self.get("/v1/jobs", self.first).ok, WAIT_S, "the store")

    def run(self, key, path="/v1/runs", **body):
        return requests.post(self.url + path, json={"code": "print(1)", **body}, headers=bearer(key) if key else {}, timeout=20)

    def get(self, path, key=None):
        return requests.get(self.url + path, headers=bearer(key) if key else {}, timeout=20)


@pytest.fixture(scope="module")
def keyed(start_server):
    made = Keyed("--slots", "3")
    yield made
    made.server.stop()


def code(reply):
    return reply.status_code, reply.json().get("code")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer x", "Basic {}", "Bearer {}x", "Bearer x{}", "{}", "Bearer {swapped}",
                                    "Bearer sx_000000000000_" + "0" * 64])
def test_without_a_valid_key_nobody_gets_in(keyed, header):
    swapped = keyed.first[:-1] + ("0" if keyed.first[-1] != "0" else "1")
    headers = {} if header is None else {"Authorization": header.format(keyed.first, swapped=swapped)}
    for method, path in (("POST", "/run"), ("POST", "/v1/runs"), ("POST", "/v1/jobs"), ("GET", "/v1/jobs")):
        reply = requests.request(method, keyed.url + path, json={"code": "1"}, headers=headers, timeout=10)
        assert reply.status_code == 401, (method, path, reply.text)
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_page_and_health_are_open(keyed):
    assert keyed.get("/healthz").status_code == 200
    assert keyed.get("/").status_code == 200


def test_a_name_of_ours_that_only_a_proxy_knows_is_served(keyed):
    reply = requests.post(keyed.url + "/run", json={"code": "print(1)"}, headers={**bearer(keyed.first), "Host": "code.example.org"}, timeout=20)
    assert reply.json() == {"success": True, "output": "1\n"}


def test_a_scope_opens_what_it_names_and_nothing_else(keyed):
    run, jobs = add(keyed.state, "only-run", "--scopes", "run"), add(keyed.state, "only-jobs", "--scopes", "jobs")
    assert keyed.run(run).status_code == 200
    assert code(keyed.run(run, "/v1/jobs")) == (403, "forbidden")
    assert keyed.run(jobs, "/v1/jobs").status_code == 202
    assert code(keyed.run(jobs)) == (403, "forbidden")
    assert keyed.run(jobs, "/run").status_code == 403


def test_a_revoked_or_rotated_key_is_of_no_use_when_the_command_returns(keyed):
    old = add(keyed.state, "short-lived")
    assert keyed.run(old).status_code == 200
    fresh = keys(keyed.state, "rotate", "short-lived").stdout.strip()
    assert code(keyed.run(old)) == (401, "unauthorized")
    assert keyed.run(fresh).status_code == 200
    assert keys(keyed.state, "revoke", "short-lived").returncode == 0
    assert code(keyed.run(fresh)) == (401, "unauthorized")
    assert keys(keyed.state, "revoke", "short-lived").returncode == 1


def test_a_key_lists_without_its_secret_and_is_stored_nowhere(keyed):
    key = add(keyed.state, "listed", "--rate", "9")
    listed = keys(keyed.state, "list").stdout
    assert "listed" in listed and key[:15] in listed and key[16:] not in listed
    for name in os.listdir(keyed.state):
        if not name.startswith("control"):
            with open(os.path.join(keyed.state, name), "rb") as file:
                assert key[16:].encode() not in file.read(), name
    assert key[16:] not in keyed.server.log()


def test_a_keys_maxima_hold(keyed):
    key = add(keyed.state, "small", "--max", "wall_ms=500,memory_bytes=32M", "--environments", "base", "--providers", "native", "--priority-max", "2")
    most = keyed.run(key, limits={"wall_ms": 500})
    assert most.status_code == 200, most.text
    over = keyed.run(key, limits={"wall_ms": 501})
    assert code(over) == (422, "limit_out_of_range")
    assert (over.json()["field"], over.json()["maximum"]) == ("limits.wall_ms", 500)
    assert code(keyed.run(key, "/v1/jobs", limits={"wall_ms": 501})) == (422, "limit_out_of_range")
    assert keyed.run(key, priority=2).status_code == 200
    assert keyed.run(key, environment="science").status_code in (403, 422)
    assert code(keyed.run(key, priority=3)) == (403, "forbidden")
    assert code(keyed.run(key, provider="docker")) == (403, "forbidden")


def test_a_rate_is_told_and_held(keyed):
    key = add(keyed.state, "slow", "--rate", "60", "--burst", "3")
    replies = [keyed.run(key) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200] * 3
    assert replies[0].headers["RateLimit-Policy"] == '"key";q=3;w=4'
    assert replies[0].headers["RateLimit-Limit"] == "3" and replies[0].headers["RateLimit-Remaining"] == "2"
    assert re.fullmatch(r'"key";r=\d;t=\d', replies[0].headers["RateLimit"])
    started = time.monotonic()
    refused = [keyed.run(key) for _ in range(5)]
    allowed = 1 + int(time.monotonic() - started)
    assert sum(reply.status_code == 200 for reply in refused) <= allowed
    last = next(reply for reply in refused if reply.status_code == 429)
    assert code(last) == (429, "rate_limited") and last.json()["retryable"] == "never_ran"
    assert 1 <= int(last.headers["Retry-After"]) <= 2
    assert keyed.get("/v1/jobs", key).status_code == 200
    batch = requests.post(keyed.url + "/v1/jobs/batch", json={"jobs": [{"code": "1"}] * 5}, headers=bearer(key), timeout=10)
    assert batch.status_code == 429


def test_runs_at_once_are_held(keyed):
    key = add(keyed.state, "narrow", "--concurrency", "1")
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        replies = list(pool.map(lambda _: keyed.run(key, code="import time\ntime.sleep(1)"), range(3)))
    assert sorted(reply.status_code for reply in replies) == [200, 429, 429]
    refused = next(reply for reply in replies if reply.status_code == 429)
    assert code(refused) == (429, "too_many_at_once") and refused.headers["Retry-After"] == "1"
    harness.wait_until(lambda: keyed.run(key).status_code == 200, WAIT_S, "room again")


def test_keys_see_their_own_jobs_alone_and_admin_sees_all(keyed):
    one, other = add(keyed.state, "one"), add(keyed.state, "other")
    job = keyed.run(one, "/v1/jobs").json()["id"]
    assert keyed.get(f"/v1/jobs/{job}", one).status_code == 200
    assert code(keyed.get(f"/v1/jobs/{job}", other)) == (404, "not_found")
    assert requests.delete(f"{keyed.url}/v1/jobs/{job}", headers=bearer(other), timeout=10).status_code == 404
    assert keyed.get("/v1/jobs", other).json()["jobs"] == []
    assert job in [found["id"] for found in keyed.get("/v1/jobs", keyed.first).json()["jobs"]]


def test_a_front_and_a_store_that_were_replaced_go_by_the_same_keys(keyed):
    for name in ("safexec-store", "safexecd"):
        victim = keyed.server.find(name)[0]
        os.kill(victim.pid, signal.SIGKILL)
        harness.wait_until(lambda: any(p.pid != victim.pid for p in keyed.server.find(name)), WAIT_S, f"a new {name}")
        harness.wait_until(lambda: keyed.run(keyed.first).status_code == 200, WAIT_S, "a run")
        assert keyed.run(None).status_code == 401


@pytest.mark.parametrize("args, sentence", [
    (["add"], "A name is needed"), (["add", "a b"], "A name is needed"), (["add", "x" * 64], "A name is needed"),
    (["add", "n", "--scopes", "root"], "--scopes must be of"), (["add", "n", "--rate", "0"], "--rate must be a number"),
    (["add", "n", "--max", "wall_ms=0"], "wall_ms must be from"), (["add", "n", "--burst", "2"], "--burst needs --rate"),
    (["add", "n", "--environments", "a;b"], "--environments must be names"), (["frobnicate"], "Usage: safexec keys"), (["revoke"], "Usage: safexec keys")])
def test_a_wrong_keys_command_is_status_2_with_a_reason(tmp_path, args, sentence):
    done = keys(str(tmp_path), *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr


# Callbacks

class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.put((self.path, dict(self.headers), body))
        status = self.server.answers.pop(0) if self.server.answers else 200
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.got, server.answers = queue.Queue(), []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        server.url = f"http://127.0.0.1:{server.server_port}"
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def calling(start_server):
    server = start_server("--callback-allow", "public,127.0.0.1")
    harness.wait_until(lambda: requests.get(server.url + "/v1/jobs", timeout=10).ok, WAIT_S, "the store")
    return server


def job_with(server, url):
    reply = requests.post(server.url + "/v1/jobs", json={"code": "print(1)", "callback_url": url}, timeout=10)
    assert reply.status_code == 202, reply.text
    return reply.json()["id"]


def delivery(server, job, state):
    return harness.wait_until(lambda: (found := requests.get(f"{server.url}/v1/jobs/{job}", timeout=10).json())["callback"] == state and found,
                              WAIT_S, state)


def test_a_callback_is_signed_and_tried_again_until_it_is_taken(calling, receiver):
    receiver.answers += [500]
    job = job_with(calling, receiver.url + "/hook?x=1")
    first, second = receiver.got.get(timeout=WAIT_S), receiver.got.get(timeout=WAIT_S)
    secret = bytes.fromhex(keys(calling.state.name, "callback-secret").stdout)
    for path, headers, body in (first, second):
        assert path == "/hook?x=1" and headers["Safexec-Job"] == job and headers["Content-Type"] == "application/json"
        stamp, signature = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["Safexec-Signature"]).groups()
        assert hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest() == signature
        assert abs(int(stamp) - time.time()) < 60
        openapi.check(json.loads(body), "JobEnded")
    told = json.loads(second[2])
    assert (told["is_whole"], told["href"], told["problem"]) == (True, f"/v1/jobs/{job}", None)
    assert told["result"] == requests.get(calling.url + told["href"], timeout=10).json()["result"] and told["result"]["stdout"] == "1\n"
    assert (told["type"], told["id"], told["state"], told["verdict"], told["attempt"]) == ("job.ended", job, "done", "ok", 2)
    assert delivery(calling, job, "delivered")["callback_attempts"] == 2


@pytest.mark.parametrize("body, is_whole, end", [
    ({"code": "print(input())", "cases": [{"stdin": "5", "expected": "5"}] * 2}, True, ("done", "ok")),
    ({"code": "print('\u00e9' * 10000)"}, True, ("done", "ok")), ({"code": "print('x' * 70000)"}, False, ("done", "ok")),
    ({"code": "1/0"}, True, ("done", "error"))], ids=str)
def test_a_callback_holds_the_result_where_it_is_small_and_else_says_where_it_is(calling, receiver, body, is_whole, end):
    job = requests.post(calling.url + "/v1/jobs", json={**body, "callback_url": receiver.url}, timeout=10).json()["id"]
    _, _, sent = receiver.got.get(timeout=WAIT_S)
    told, found = json.loads(sent), requests.get(f"{calling.url}/v1/jobs/{job}", timeout=10).json()
    openapi.check(told, "JobEnded")
    assert (told["is_whole"], (told["state"], told["verdict"])) == (is_whole, end) and len(sent) < 68 << 10
    assert (told["result"], told["problem"]) == ((found["result"], found["problem"]) if is_whole else (None, None))


def test_a_canceled_job_and_one_that_was_broken_off_are_told_of_too(start_server, receiver):
    server = start_server("--callback-allow", "127.0.0.1", "--slots", "1")
    jobs = [requests.post(server.url + "/v1/jobs", json={"code": "import time\ntime.sleep(9)", "callback_url": receiver.url}, timeout=10).json()["id"]
            for _ in range(2)]
    harness.wait_until(lambda: requests.get(f"{server.url}/v1/jobs/{jobs[0]}", timeout=10).json()["state"] == "started", WAIT_S, "start")
    requests.delete(f"{server.url}/v1/jobs/{jobs[1]}", timeout=10)
    canceled = json.loads(receiver.got.get(timeout=WAIT_S)[2])
    assert (canceled["id"], canceled["state"], canceled["is_whole"], canceled["result"]) == (jobs[1], "canceled", True, None)
    for front in server.find("safexecd"):
        os.kill(front.pid, signal.SIGKILL)
    broken = json.loads(receiver.got.get(timeout=WAIT_S)[2])
    assert (broken["id"], broken["state"], broken["verdict"], broken["is_whole"]) == (jobs[0], "done", "internal", False)
    for told in (canceled, broken):
        openapi.check(told, "JobEnded")


def test_a_redirect_is_not_followed(calling, receiver):
    receiver.answers += [302]
    job = job_with(calling, receiver.url + "/first")
    assert receiver.got.get(timeout=WAIT_S)[0] == "/first"
    assert receiver.got.get(timeout=WAIT_S)[0] == "/first"
    delivery(calling, job, "delivered")


@pytest.mark.parametrize("host", ["127.0.0.2:{}", "[::1]:{}", "[::ffff:127.0.0.2]:{}", "0.0.0.0:{}", "10.0.0.1", "192.168.1.1",
                                  "169.254.169.254", "2130706434:{}", "0x7f.2:{}", "224.0.0.1", "[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]",
                                  "user@127.0.0.1:{}"])
def test_a_callback_to_an_address_that_is_not_allowed_is_given_up(calling, receiver, host):
    job = job_with(calling, "http://" + host.format(receiver.server_port) + "/")
    delivery(calling, job, "given_up")
    assert receiver.got.empty()


def test_by_default_loopback_is_refused_for_callbacks(keyed, receiver):
    reply = keyed.run(keyed.first, "/v1/jobs", callback_url=receiver.url)
    job = reply.json()["id"]
    harness.wait_until(lambda: keyed.get(f"/v1/jobs/{job}", keyed.first).json()["callback"] == "given_up", WAIT_S, "given up")
    assert receiver.got.empty()


def test_a_sender_that_dies_is_replaced_and_the_callback_comes(calling, receiver):
    for victim in calling.find("safexec-sender"):
        os.kill(victim.pid, signal.SIGKILL)
    job = job_with(calling, receiver.url)
    assert receiver.got.get(timeout=WAIT_S)[1]["Safexec-Job"] == job
    delivery(calling, job, "delivered")
