# SPDX-License-Identifier: Apache-2.0
"""/v1/jobs on a real server: accepted, run once, told of; and what a crash of anything leaves."""
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import tempfile
import threading
import time

import pytest
import requests

import harness

KILLS = int(os.environ.get("SAFEXEC_TEST_KILLS", "12"))
WAIT_S = 30
PER_ROUND = 12  # jobs of one submitter between two kills


def with_jobs(server):
    """A server whose store has come up, which it does beside the first runs."""
    harness.wait_until(lambda: requests.get(server.url + "/v1/jobs", timeout=10).ok, WAIT_S, "the store")
    return server


@pytest.fixture(scope="module")
def jobs_server(start_server):
    return with_jobs(start_server("--slots", "4"))


def submit(server, code, **more):
    reply = requests.post(server.url + "/v1/jobs", json={"code": code, **more}, timeout=10)
    assert reply.status_code == 202, reply.text
    return reply.json()["id"]


def get(server, job):
    reply = requests.get(f"{server.url}/v1/jobs/{job}", timeout=10)
    assert reply.status_code == 200, reply.text
    return reply.json()


def wait_end(server, job):
    return harness.wait_until(lambda: (found := get(server, job))["state"] in ("done", "canceled") and found, WAIT_S, f"end of {job}")


def problem(reply):
    assert reply.headers["Content-Type"] == "application/problem+json", reply.text
    return reply.status_code, reply.json()["code"]


def test_a_job_is_run_once_and_its_result_is_that_of_a_run(jobs_server):
    reply = requests.post(jobs_server.url + "/v1/jobs", json={"code": "print(input() * 2)", "stdin": "ab\n"}, timeout=10)
    assert (reply.status_code, reply.json()["state"], reply.json()["is_new"]) == (202, "queued", True)
    assert reply.headers["Location"] == "/v1/jobs/" + reply.json()["id"]
    job = wait_end(jobs_server, reply.json()["id"])
    assert (job["state"], job["verdict"], job["problem"]) == ("done", "ok", None)
    assert (job["result"]["stdout"], job["result"]["exit_code"]) == ("abab\n", 0)
    assert job["created_at"] <= job["started_at"] <= job["ended_at"]
    assert get(jobs_server, job["id"]) == job


@pytest.mark.parametrize("code, verdict", [("1/0", "error"), ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "signal"),
                                           ("while True: pass", "timeout")])
def test_a_job_that_fails_is_done_with_its_verdict(jobs_server, code, verdict):
    job = wait_end(jobs_server, submit(jobs_server, code, limits={"wall_ms": 300}))
    assert (job["state"], job["verdict"], job["result"]["verdict"]) == ("done", verdict, verdict)


def test_a_job_of_cases_has_a_verdict_for_each(jobs_server):
    cases = [{"name": "right", "stdin": "3", "expected": "9"}, {"stdin": "4", "expected": "17\n"}, {"stdin": "x", "expected": ""}, {"stdin": "5"}]
    reply = requests.post(jobs_server.url + "/v1/jobs", json={"code": "print(int(input()) ** 2)", "cases": cases}, timeout=10)
    job = wait_end(jobs_server, reply.json()["id"])
    answer = requests.post(jobs_server.url + "/v1/runs", json={"code": "print(int(input()) ** 2)", "cases": cases}, timeout=20).json()
    assert (job["state"], job["verdict"], job["problem"]) == ("done", "error", None)
    assert (job["result"]["passed"], job["result"]["failed"]) == (answer["passed"], answer["failed"]) == (2, 2)
    told = [[(case["index"], case["name"], case["verdict"], case["passed"], case["different_line"], case["stdout"]) for case in one["cases"]]
            for one in (job["result"], answer)]
    assert told[0] == told[1] == [(0, "right", "ok", True, None, "9\n"), (1, None, "ok", False, 1, "16\n"), (2, None, "error", False, None, ""),
                                  (3, None, "ok", True, None, "25\n")]


def test_many_jobs_of_many_cases_all_end_and_one_can_be_canceled(jobs_server):
    body = {"code": "print(input())", "cases": [{"stdin": str(n), "expected": str(n)} for n in range(12)]}
    reply = requests.post(jobs_server.url + "/v1/jobs/batch", json={"jobs": [body] * 10}, timeout=10)
    slow = submit(jobs_server, "import time\ntime.sleep(9)", cases=[{}] * 3, priority=9)
    harness.wait_until(lambda: get(jobs_server, slow)["state"] == "started", WAIT_S, "start")
    assert requests.delete(f"{jobs_server.url}/v1/jobs/{slow}", timeout=10).json()["state"] == "canceled"
    jobs = [wait_end(jobs_server, ticket["id"]) for ticket in reply.json()["jobs"]]
    assert [(job["verdict"], job["result"]["passed"]) for job in jobs] == [("ok", 12)] * 10


@pytest.mark.parametrize("body, code, field", [
    ({}, "invalid_field", "code"), ({"code": "1", "nonsense": 1}, "unknown_field", "nonsense"),
    ({"code": "1", "limits": {"wall_ms": 0}}, "limit_out_of_range", "limits.wall_ms"),
    ({"code": "1", "callback_url": "ftp://x"}, "invalid_field", "callback_url"),
    ({"code": "1", "callback_url": "http://" + "x" * 1018}, "limit_out_of_range", "callback_url"),
    ({"code": "1", "callback_url": "http://a b"}, "invalid_field", "callback_url"),
    ({"code": "1", "idempotency_key": ""}, "invalid_field", "idempotency_key"),
    ({"code": "1", "idempotency_key": "x" * 65}, "limit_out_of_range", "idempotency_key"),
    ({"code": "1", "idempotency_key": 7}, "invalid_field", "idempotency_key"),
    ({"code": "1", "cases": []}, "invalid_field", "cases"), ({"code": "1", "cases": [{"stdin": 1}]}, "invalid_field", "cases[0].stdin")])
def test_a_wrong_job_is_refused_before_it_is_stored(jobs_server, body, code, field):
    reply = requests.post(jobs_server.url + "/v1/jobs", json=body, timeout=10)
    assert problem(reply) == (422, code)
    assert reply.json()["field"] == field
    batch = requests.post(jobs_server.url + "/v1/jobs/batch", json={"jobs": [{"code": "1"}, body]}, timeout=10)
    assert problem(batch) == (422, code)
    assert batch.json()["field"] == f"jobs[1].{field}"


@pytest.mark.parametrize("body", [{}, [], {"jobs": []}, {"jobs": {}}, {"jobs": [1]}, {"jobs": [{"code": "1"}] * 1001}, {"jobs": [{"code": "1"}], "x": 1}])
def test_a_wrong_batch_is_refused(jobs_server, body):
    assert requests.post(jobs_server.url + "/v1/jobs/batch", json=body, timeout=10).status_code in (400, 422)


def test_the_same_idempotency_key_is_the_same_job_and_another_body_a_conflict(jobs_server):
    key = f"key-{random.random()}"
    first = submit(jobs_server, "print(1)", idempotency_key=key)
    again = requests.post(jobs_server.url + "/v1/jobs", json={"code": "print(1)", "idempotency_key": key}, timeout=10)
    assert (again.status_code, again.json()["id"], again.json()["is_new"]) == (202, first, False)
    other = requests.post(jobs_server.url + "/v1/jobs", json={"code": "print(2)", "idempotency_key": key}, timeout=10)
    assert problem(other) == (409, "conflict")
    batch = requests.post(jobs_server.url + "/v1/jobs/batch",
                          json={"jobs": [{"code": "print(3)"}, {"code": "print(2)", "idempotency_key": key}]}, timeout=10)
    assert problem(batch) == (409, "conflict")
    assert batch.json()["field"] == "jobs[1].idempotency_key"
    header = requests.post(jobs_server.url + "/v1/jobs", json={"code": "print(9)"}, headers={"Idempotency-Key": key + "h"}, timeout=10)
    assert get(jobs_server, header.json()["id"])["idempotency_key"] == key + "h"


def test_a_job_can_be_canceled_while_it_waits_and_while_it_runs(jobs_server):
    running = submit(jobs_server, "import time\nprint('here', flush=True)\ntime.sleep(9)")
    harness.wait_until(lambda: get(jobs_server, running)["state"] == "started", WAIT_S, "start")
    reply = requests.delete(f"{jobs_server.url}/v1/jobs/{running}", timeout=10)
    assert (reply.status_code, reply.json()["state"]) == (200, "canceled")
    assert problem(requests.delete(f"{jobs_server.url}/v1/jobs/{running}", timeout=10)) == (409, "conflict")
    assert get(jobs_server, running)["state"] == "canceled"
    harness.wait_until(lambda: requests.get(jobs_server.url + "/v1/jobs?state=started,queued", timeout=10).json()["jobs"] == [], WAIT_S, "quiet")


@pytest.mark.parametrize("job", ["job_" + "0" * 32, "job_0", "x"])
def test_a_job_that_is_not_there_is_a_404(jobs_server, job):
    for method in ("GET", "DELETE"):
        assert problem(requests.request(method, f"{jobs_server.url}/v1/jobs/{job}", timeout=10)) == (404, "not_found")


def test_a_list_goes_page_by_page_and_filters(jobs_server):
    jobs = [submit(jobs_server, f"print({n})") for n in range(5)]
    for job in jobs:
        wait_end(jobs_server, job)
    seen, cursor = [], ""
    while len(seen) < 5:
        page = requests.get(f"{jobs_server.url}/v1/jobs?state=done&limit=2{cursor}", timeout=10).json()
        assert len(page["jobs"]) == 2 and page["next_cursor"]
        seen += [job["id"] for job in page["jobs"]]
        cursor = "&cursor=" + page["next_cursor"]
    assert seen[:5] == jobs[::-1]
    for query in ("limit=0", "limit=101", "limit=x", "state=", "state=doing", "cursor=-1", "cursor=x", "order=up", "limit"):
        assert problem(requests.get(f"{jobs_server.url}/v1/jobs?{query}", timeout=10)) == (422, "invalid_field"), query


def test_a_thousand_jobs_accepted_at_once_all_end(jobs_server, record_property):
    began = time.monotonic()
    reply = requests.post(jobs_server.url + "/v1/jobs/batch", json={"jobs": [{"code": f"print({n})"} for n in range(1000)]}, timeout=30)
    accepted_s = time.monotonic() - began
    assert reply.status_code == 202
    tickets = reply.json()["jobs"]
    assert len({ticket["id"] for ticket in tickets}) == 1000
    harness.wait_until(lambda: requests.get(jobs_server.url + "/v1/jobs?state=queued,started", timeout=10).json()["jobs"] == [], 120, "all ended")
    print(f"1000 jobs accepted in {accepted_s:.3f} s, ended in {time.monotonic() - began:.1f} s")
    for n in random.sample(range(1000), 50):
        assert get(jobs_server, tickets[n]["id"])["result"]["stdout"] == f"{n}\n"


def test_a_job_that_could_not_begin_before_its_deadline_is_refused_at_once(start_server):
    server = with_jobs(start_server("--slots", "1"))
    busy = [submit(server, "import time\ntime.sleep(0.4)") for _ in range(6)]
    wait_end(server, busy[0])
    reply = requests.post(server.url + "/v1/jobs", json={"code": "1", "deadline_ms": 1}, timeout=10)
    assert problem(reply) == (503, "deadline")
    assert int(reply.headers["Retry-After"]) >= 1 and reply.json()["retryable"] == "never_ran"
    submit(server, "1", deadline_ms=60000)


def test_a_store_that_dies_costs_no_run_and_no_job(start_server):
    server = with_jobs(start_server("--slots", "2"))
    done = submit(server, "print('kept')")
    wait_end(server, done)
    running = submit(server, "import time\ntime.sleep(1)\nprint('whole')")
    harness.wait_until(lambda: get(server, running)["state"] == "started", WAIT_S, "start")
    store, = server.find("safexec-store")
    os.kill(store.pid, signal.SIGKILL)
    assert server.run("print(5)")["output"] == "5\n"
    harness.wait_until(lambda: server.find("safexec-store") and requests.get(f"{server.url}/v1/jobs/{done}", timeout=10).ok, WAIT_S, "a new store")
    assert get(server, done)["result"]["stdout"] == "kept\n"
    assert wait_end(server, running)["result"]["stdout"] == "whole\n"


def test_a_front_that_dies_ends_what_it_ran_as_may_have_run_and_runs_what_waited(start_server):
    server = with_jobs(start_server("--slots", "1"))
    running, waiting = submit(server, "import time\ntime.sleep(9)"), submit(server, "print('later')")
    harness.wait_until(lambda: get(server, running)["state"] == "started", WAIT_S, "start")
    front, = server.find("safexecd")
    os.kill(front.pid, signal.SIGKILL)
    harness.wait_until(lambda: any(p.pid != front.pid for p in server.find("safexecd")), WAIT_S, "a new front")
    job = wait_end(server, running)
    assert (job["verdict"], job["result"], job["problem"]["code"], job["problem"]["retryable"]) == (
        "internal", None, "internal_may_have_run", "may_have_run")
    assert wait_end(server, waiting)["result"]["stdout"] == "later\n"


def test_without_a_usable_state_folder_programs_run_and_jobs_say_why(start_server):
    server = start_server("--state", "/proc/nowhere")
    assert server.run("print(1)")["output"] == "1\n"
    reply = requests.post(server.url + "/v1/jobs", json={"code": "1"}, timeout=10)
    assert problem(reply) == (503, "jobs_unavailable")
    assert "Retry-After" in reply.headers


def wait_all_ended(server):
    """However many they are, as long as there is progress."""
    def left():
        text = requests.get(server.url + "/metrics", timeout=10).text
        return [re.search(rf"^safexec_jobs_{name} (\d+)$", text, re.M)[1] for name in ("queued", "started")]

    while requests.get(server.url + "/v1/jobs?state=queued,started&limit=1", timeout=10).json().get("jobs") != []:
        before = left()
        harness.wait_until(lambda: left() != before, WAIT_S, f"progress, with {before} left")


def kill_everything(server):
    """At once, as a power cut for processes would: no one gets to see another's end."""
    processes = server.processes()
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGSTOP)
    for process in processes:
        with contextlib.suppress(ProcessLookupError):  # with its namespace or its parent
            os.kill(process.pid, signal.SIGKILL)
    server.process.wait(WAIT_S)
    server.process.stdout.close()
    harness.wait_until(lambda: not any(process.is_alive() for process in processes), WAIT_S, "the end of all")


class Submitter(threading.Thread):
    """Submits jobs, each of which prints a number that no other run prints, until its server dies."""

    CODE = "import os, time\ntime.sleep({})\nprint(os.urandom(8).hex())"

    def __init__(self, url, accepted):
        super().__init__(daemon=True)
        self.url, self.accepted = url, accepted

    def run(self):
        with requests.Session() as session:
            for _ in range(PER_ROUND):
                try:
                    reply = session.post(self.url + "/v1/jobs", json={"code": self.CODE.format(random.choice((0, 0.02, 0.2)))}, timeout=5)
                except requests.RequestException:
                    return
                if reply.status_code == 202:
                    self.accepted.append(reply.json()["id"])
                time.sleep(0.01)


def look(url, jobs, results):
    """What is known of the jobs; a result, once seen, never changes. Stops where the server dies."""
    for job in jobs:
        try:
            reply = requests.get(f"{url}/v1/jobs/{job}", timeout=5)
        except requests.RequestException:
            return
        assert reply.status_code != 404, f"{job} is lost"
        if reply.status_code == 200 and reply.json()["state"] == "done":
            found = reply.json()
            end = found["problem"]["code"] if found["problem"] else found["result"]["stdout"]
            assert results.setdefault(job, end) == end, f"{job} has two results"


def test_kill_9_of_everything_at_random_moments_loses_no_job_and_runs_none_to_two_results(request):
    """Each round: jobs come in, some results are looked at, and everything is killed."""
    accepted, results = [], {}
    options = ("--slots", "3", "--name", f"kills-{os.getpid()}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="safexec-kills-") as state:
        for _ in range(KILLS):
            server = harness.Server(*options, "--state", state).wait_listening()
            request.addfinalizer(server.kill)
            moment = time.monotonic() + random.uniform(0.1, 0.8)
            submitters = [Submitter(server.url, accepted) for _ in range(2)]
            for submitter in submitters:
                submitter.start()
            look(server.url, random.sample(accepted, min(10, len(accepted))), results)
            time.sleep(max(0, moment - time.monotonic()))
            kill_everything(server)
            for submitter in submitters:
                submitter.join(WAIT_S)
        server = harness.Server(*options, "--state", state).wait_ready()
        wait_all_ended(server)
        look(server.url, accepted, results)
        server.stop()
    broken_off = sum(end == "internal_may_have_run" for end in results.values())
    print(f"{KILLS} kills in {time.monotonic() - began:.0f} s: {len(accepted)} jobs accepted, {len(results)} ended, none lost, none with two "
          f"results; {broken_off} had begun and say may_have_run")
    assert set(accepted) <= set(results) and len(accepted) >= KILLS
    whole = [end for end in results.values() if end != "internal_may_have_run"]
    assert len(set(whole)) == len(whole) and all(len(end) == 17 for end in whole)


def test_a_run_that_could_not_begin_before_its_deadline_is_refused_at_once(start_server):
    server = start_server("--slots", "1")
    runners = [threading.Thread(target=server.run, args=("import time\ntime.sleep(1)",)) for _ in range(3)]
    for runner in runners:
        runner.start()
    harness.wait_until(lambda: "safexec_runs_waiting 2\n" in requests.get(server.url + "/metrics", timeout=10).text, WAIT_S, "two that wait")
    began = time.monotonic()
    reply = requests.post(server.url + "/v1/runs", json={"code": "1", "deadline_ms": 1}, timeout=10)
    assert problem(reply) == (503, "deadline") and time.monotonic() - began < 0.5
    assert int(reply.headers["Retry-After"]) >= 1
    for runner in runners:
        runner.join()
    assert requests.post(server.url + "/v1/runs", json={"code": "1", "deadline_ms": 5000}, timeout=10).status_code == 200


def cli(server, *args, **more):
    address = server.url.removeprefix("http://")
    return subprocess.run([harness.BUILD / "safexec", "jobs", "--server", address, *args], capture_output=True, text=True, timeout=WAIT_S, **more)


def test_the_command_line_submits_shows_lists_and_cancels(jobs_server, tmp_path):
    (tmp_path / "a.py").write_text("print('by hand')")
    submitted = cli(jobs_server, "submit", tmp_path / "a.py")
    job = submitted.stdout.strip()
    assert submitted.returncode == 0 and wait_end(jobs_server, job)["verdict"] == "ok", submitted.stderr
    shown = cli(jobs_server, "show", job)
    assert json.loads(shown.stdout)["result"]["stdout"] == "by hand\n"
    assert re.search(rf"^{job} +done +ok +\d{{4}}-", cli(jobs_server, "list", "done").stdout, re.M)
    slow = cli(jobs_server, "submit", "-", input="import time\ntime.sleep(9)").stdout.strip()
    assert json.loads(cli(jobs_server, "cancel", slow).stdout)["state"] == "canceled"
    again = cli(jobs_server, "cancel", slow)
    assert (again.returncode, again.stdout, again.stderr) == (1, "", "safexec jobs: The job has ended already.\n")


@pytest.mark.parametrize("args", [[], ["frobnicate"], ["show"], ["show", "a", "b"], ["list", "a", "b"], ["submit"]], ids=" ".join)
def test_a_wrong_jobs_command_is_status_2(jobs_server, args):
    done = cli(jobs_server, *args)
    assert (done.returncode, done.stdout) == (2, "") and "show ID" in done.stderr


@pytest.mark.parametrize("name", ["safexec-store", "safexec-sender"])
def test_store_and_sender_are_confined_like_the_front(jobs_server, name):
    process, = jobs_server.find(name)
    status = dict(line.split(":\t", 1) for line in harness.read_text(f"/proc/{process.pid}/status").splitlines() if ":\t" in line)
    assert set(status["Uid"].split()) != {"0"} and len(set(status["Uid"].split())) == 1 and status["Groups"].strip() == ""
    assert {value.strip() for name, value in status.items() if name.startswith("Cap")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"], status["Threads"]) == ("1", "2", "1")
    uids = {one: jobs_server.find(one)[0].uid for one in ("safexecd", "safexec-store", "safexec-sender")}
    assert len(set(uids.values())) == 3


def test_the_state_folder_is_for_the_store_alone(jobs_server):
    store, = jobs_server.find("safexec-store")
    folder = os.stat(jobs_server.state.name)
    assert (folder.st_uid, folder.st_mode & 0o777) == (store.uid, 0o700)
    for name in os.listdir(jobs_server.state.name):
        found = os.stat(os.path.join(jobs_server.state.name, name))
        assert (found.st_uid, found.st_mode & 0o077) == (store.uid, 0), name
