# SPDX-License-Identifier: Apache-2.0
"""Keys and bodies do not stay in the front's memory: all of it is read, as root, while a request is answered and after that."""
import http.client
import json
import pathlib
import re
import secrets

import harness
import pytest
import requests
import v1
from test_keys import Keyed, bearer

WAIT_S = 10


@pytest.fixture(scope="module")
def keyed():
    made = Keyed("--slots", "2")
    yield made
    made.server.stop()


def find(server, marker):
    """In which mappings of the front the marker's bytes lie."""
    found, pid = [], server.find("safexecd")[0].pid
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            first, last, rights, name = re.match(r"(\w+)-(\w+) (\S+) \S+ \S+ \S+ *(.*)", line).groups()
            if rights[0] == "r" and not name.startswith(("[vvar", "[vsyscall")):
                memory.seek(int(first, 16))
                left = int(last, 16) - int(first, 16)
                while left > 0 and (piece := memory.read(left)):
                    left -= len(piece)
                    found += [name or "no name"] * piece.count(marker.encode())
    return found


def forgets(server, marker):
    """The request's end comes after its answer. AddressSanitizer frees in a way of its own."""
    if b"libasan" in pathlib.Path(f"/proc/{server.find('safexecd')[0].pid}/maps").read_bytes():
        return
    harness.wait_until(lambda: find(server, marker) == [], WAIT_S, f"no {marker} in {find(server, marker)}")


REQUESTS = [
    ("a program", "/run", lambda m: {"code": f"x = '{m}'"}),
    ("a long program", "/run", lambda m: {"code": "\n" * 4000 + f"x = '{m}'"}),
    ("what it prints", "/run", lambda m: {"code": f"import sys\nprint('{m}' * 3)\nprint('{m}', file=sys.stderr)"}),
    ("a failure", "/v1/runs", lambda m: {"code": f"raise ValueError('{m}')"}),
    ("a wrong body", "/run", lambda m: {"code": 1, m: "x"}),
    ("a wrong body of /v1", "/v1/runs", lambda m: {"code": "", "args": [m, 1]}),
    ("all of /v1", "/v1/runs", lambda m: {
        "code": f"y = 1\nopen('out', 'w').write('{m}' * 9)\n'{m}'", "stdin": f"i{m}", "env": {"K": f"e{m}"}, "args": [f"a{m}"], "last_value": True,
        "outputs": ["*"], "files": [{"path": "f", "content": f"c{m}"}, {"path": "g", "content": "YWJj", "encoding": "base64"}]}),
    ("much output", "/v1/runs", lambda m: {"code": f"print('{m} ' * 20000)"}),
    ("cases", "/v1/runs", lambda m: {"code": "print(input())", "cases": [{"stdin": f"{m}{i}", "expected": f"{m}{i}"} for i in range(3)]}),
    ("a check", "/v1/check", lambda m: {"code": f"x = '{m}' +"}),
]


@pytest.mark.parametrize("path, body", [row[1:] for row in REQUESTS], ids=[row[0] for row in REQUESTS])
def test_of_a_request_nothing_is_left(server, path, body):
    marker = secrets.token_hex(12)
    with requests.Session() as kept_alive:
        assert server.post(body(marker), path=path, session=kept_alive).status_code in (200, 400, 422)
        forgets(server, marker)
    forgets(server, marker)


def test_of_a_stream_nothing_is_left(server):
    marker = secrets.token_hex(12)
    with v1.stream(server, f"print('{marker}', flush=True)\nprint('{marker}')", stdin=marker) as events:
        assert sum(event["event"] == "stdout" for event in events) > 0
    forgets(server, marker)


def test_of_a_job_nothing_is_left_when_it_is_done(server):
    marker = secrets.token_hex(12)
    harness.wait_until(lambda: requests.get(server.url + "/v1/jobs", timeout=10).ok, WAIT_S, "the store")
    job = v1.post(server, {"code": f"print('{marker}')"}, "/v1/jobs").json()["id"]
    harness.wait_until(lambda: marker in requests.get(f"{server.url}/v1/jobs/{job}", timeout=10).text, WAIT_S, "its result")
    forgets(server, marker)


def test_while_a_program_runs_it_is_there_and_when_its_client_has_left_no_more(keyed):
    """Which shows that the search finds what is there."""
    program, key = secrets.token_hex(12), keyed.first
    connection = http.client.HTTPConnection("127.0.0.1", keyed.server.port)
    connection.request("POST", "/v1/runs", json.dumps({"code": f"x = '{program}'\nimport time\ntime.sleep(9)"}),
                       {**bearer(key), "Content-Type": "application/json"})
    for marker in (program, key):
        harness.wait_until(lambda marker=marker: find(keyed.server, marker) != [], WAIT_S, "the marker")
    connection.close()
    for marker in (program, key, key.rsplit("_", 1)[1]):
        forgets(keyed.server, marker)


@pytest.mark.parametrize("path", ["/v1/runs", "/run", "/v1/jobs", "/v1/keys", "/metrics"])
def test_of_a_key_nothing_is_left_whether_it_is_one_or_not(keyed, path):
    for key in (keyed.first, f"sx_{secrets.token_hex(6)}_{secrets.token_hex(32)}"):
        requests.post(keyed.url + path, json={"code": "1"}, headers=bearer(key), timeout=20)
        requests.get(keyed.url + path, headers=bearer(key), timeout=20)
        forgets(keyed.server, key.rsplit("_", 1)[1])
