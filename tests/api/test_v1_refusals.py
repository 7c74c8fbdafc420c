# SPDX-License-Identifier: Apache-2.0
"""What /v1 refuses, and in which words: each problem names the field. Problems of HTTP itself have the same form."""
import json

import pytest
import requests
import v1

FILE = {"path": "a", "content": ""}
LONG = "x" * (64 * 1024 + 1)


# body, code, field
TABLE = [
    ({}, "invalid_field", "code"),
    ([], "invalid_field", None),
    ("x", "invalid_field", None),
    ({"code": 1}, "invalid_field", "code"),
    ({"code": None}, "invalid_field", "code"),
    ({"code": "a\0b"}, "invalid_field", "code"),
    ({"code": "", "Code": ""}, "unknown_field", "Code"),
    ({"code": "", "cpus": 1}, "unknown_field", "cpus"),
    ({"code": "", "stdin": 1}, "invalid_field", "stdin"),
    ({"code": "", "stdin": None}, "invalid_field", "stdin"),
    ({"code": "", "read_only": "yes"}, "invalid_field", "read_only"),
    ({"code": "", "last_value": 1}, "invalid_field", "last_value"),
    ({"code": "", "displays": 0}, "invalid_field", "displays"),
    ({"code": "", "limits": []}, "invalid_field", "limits"),
    ({"code": "", "priority": 10}, "limit_out_of_range", "priority"),
    ({"code": "", "priority": -1}, "limit_out_of_range", "priority"),
    ({"code": "", "deadline_ms": 0}, "limit_out_of_range", "deadline_ms"),
    ({"code": "", "deadline_ms": 3600001}, "limit_out_of_range", "deadline_ms"),
    ({"code": "", "environment": 1}, "invalid_field", "environment"),
    ({"code": "", "environment": "x" * 32}, "limit_out_of_range", "environment"),
    ({"code": "", "provider": "x" * 32}, "limit_out_of_range", "provider"),
    ({"code": "", "args": "a"}, "invalid_field", "args"),
    ({"code": "", "args": ["a", 1]}, "invalid_field", "args[1]"),
    ({"code": "", "args": ["a\0"]}, "invalid_field", "args[0]"),
    ({"code": "", "args": [LONG]}, "limit_out_of_range", "args[0]"),
    ({"code": "", "args": ["a"] * 257}, "limit_out_of_range", "args"),
    ({"code": "", "env": ["A=1"]}, "invalid_field", "env"),
    ({"code": "", "env": {"A": 1}}, "invalid_field", "env"),
    ({"code": "", "env": {"A": "x\0"}}, "invalid_field", "env"),
    ({"code": "", "env": {"A": LONG}}, "limit_out_of_range", "env"),
    ({"code": "", "env": {"": "x"}}, "invalid_field", "env"),
    ({"code": "", "env": {"A=B": "x"}}, "invalid_field", "env"),
    ({"code": "", "env": {"A-B": "x"}}, "invalid_field", "env"),
    ({"code": "", "env": {f"A{n}": "" for n in range(257)}}, "limit_out_of_range", "env"),
    ({"files": []}, "invalid_field", "code"),
    ({"files": [FILE]}, "invalid_field", "entrypoint"),
    ({"files": {}, "code": ""}, "invalid_field", "files"),
    ({"files": [FILE], "code": "", "entrypoint": "a"}, "invalid_field", "code"),
    ({"files": [FILE, FILE], "code": ""}, "invalid_field", "files"),
    ({"files": [FILE, {**FILE, "path": "a/b"}], "code": ""}, "invalid_field", "files"),
    ({"files": [{**FILE, "path": "script.py/b"}], "code": ""}, "invalid_field", "files"),
    ({"files": [FILE, {"path": "b"}], "code": ""}, "invalid_field", "files[1]"),
    ({"files": [{"content": "b"}], "code": ""}, "invalid_field", "files[0]"),
    ({"files": [{**FILE, "mode": 7}], "code": ""}, "unknown_field", "files[0].mode"),
    ({"files": [{**FILE, "content": 7}], "code": ""}, "invalid_field", "files[0].content"),
    ({"files": [{**FILE, "encoding": "hex"}], "code": ""}, "invalid_field", "files[0].encoding"),
    ({"files": [{**FILE, "path": str(n)} for n in range(1025)], "code": ""}, "limit_out_of_range", "files"),
    ({"code": "", "entrypoint": "../x.py"}, "invalid_field", "entrypoint"),
    ({"code": "", "entrypoint": ""}, "invalid_field", "entrypoint"),
    ({"code": "", "outputs": ["/etc/*"]}, "invalid_field", "outputs[0]"),
    ({"code": "", "outputs": ["a", "../*"]}, "invalid_field", "outputs[1]"),
    ({"code": "", "outputs": ["a"] * 65}, "limit_out_of_range", "outputs"),
    ({"code": "", "cases": []}, "invalid_field", "cases"),
    ({"code": "", "cases": [{}] * 129}, "limit_out_of_range", "cases"),
    ({"code": "", "cases": [{}], "stdin": ""}, "invalid_field", "stdin"),
    ({"code": "", "cases": [{"compare": "fuzzy"}]}, "invalid_field", "cases[0].compare"),
    ({"code": "", "cases": [{}, {"tolerance": -1}]}, "invalid_field", "cases[1].tolerance"),
    ({"code": "", "cases": [{"tolerance": 1000001}]}, "invalid_field", "cases[0].tolerance"),
    ({"code": "", "cases": [{"name": "x" * 129}]}, "limit_out_of_range", "cases[0].name"),
    ({"code": "", "cases": [{"expect": ""}]}, "unknown_field", "cases[0].expect"),
    ({"code": "", "cases": [{}] * 9, "limits": {"output_bytes": 16 << 20}}, "limit_out_of_range", "cases"),
]


@pytest.mark.parametrize("body, code, field", TABLE)
def test_what_cannot_be_used_is_named(server, body, code, field):
    problem = v1.refuse(server, body, 422, code)
    assert problem.get("field") == field and problem["retryable"] == "no" and problem["detail"].endswith("."), problem


@pytest.mark.parametrize("path", ["/abs", "", ".", "..", "a/../b", "a//b", "a/", "./a", "a\0b", "x" * 256, "/".join("a" * 17), "x/" * 256 + "y"])
def test_a_path_stays_beneath(server, path):
    for body in ({"code": "", "files": [{"path": path, "content": ""}]}, {"code": "", "entrypoint": path}):
        response = v1.post(server, body)
        assert response.status_code == 422 and response.json()["field"] in ("files[0].path", "entrypoint"), response.text


@pytest.mark.parametrize("content", ["A", "AA", "AAA", "AA=A", "A===", "====", "AAAA=", "AA==AAAA", "A A=", "AAA\n", "AB==", "AAB=", "-_==", "é==="])
def test_base64_is_strict(server, content):
    problem = v1.refuse(server, {"code": "", "files": [{"path": "a", "content": content, "encoding": "base64"}]}, 422, "invalid_field")
    assert problem["field"] == "files[0]"


@pytest.mark.parametrize("body, word", [
    (b"", "empty"), (b"{", "not valid JSON"), (b"{}x", "Something follows"), (b'{"code": "", "code": ""}', "twice"), (b'{"code": "\xff"}', "UTF-8"),
    (b"[" * 100, "nested"), (b'{"code": "\\ud800"}', "surrogate"), (b'{"code": 1e999}', "not valid JSON"),
])
def test_what_is_no_json_is_a_400_that_says_why(server, body, word):
    assert word in v1.refuse(server, body, 400, "bad_json")["detail"]


def test_values_are_shown_short_and_variables_never(server):
    problem = v1.refuse(server, {"code": "", "provider": "x" * 1000}, 422, "limit_out_of_range")
    assert problem["value"] == 1000
    problem = v1.refuse(server, {"code": "", "files": [{"path": "y" * 300, "content": ""}]}, 422, "invalid_field")
    assert problem["value"] == "y" * 48 + "..."
    for value in ("s3cret\0", {"A": "s3cret"}):
        assert "s3cret" not in v1.post(server, {"code": "", "env": {"A": value}}).text


@pytest.mark.parametrize("method, path, status, code, allow", [
    ("GET", "/v1/runs", 405, "method_not_allowed", "POST"), ("DELETE", "/v1/check", 405, "method_not_allowed", "POST"),
    ("POST", "/v1/nothing", 404, "not_found", None), ("GET", "/v1/", 404, "not_found", None), ("POST", "/v1/runs/", 404, "not_found", None),
])
def test_other_methods_and_paths_are_problems_too(server, method, path, status, code, allow):
    response = requests.request(method, server.url + path, timeout=10)
    assert (response.status_code, response.json()["code"], response.headers.get("allow")) == (status, code, allow)


@pytest.mark.parametrize("headers, status, code", [
    ({"Content-Type": "text/plain"}, 415, "unsupported_media_type"), ({"Host": "evil.example"}, 403, "foreign_site"),
    ({"Origin": "http://evil.example"}, 403, "foreign_site"), ({"Sec-Fetch-Site": "cross-site"}, 403, "foreign_site"),
])
def test_what_the_head_forbids_is_a_problem(server, headers, status, code):
    response = server.post({"code": ""}, path="/v1/runs", headers={"Content-Type": "application/json", **headers})
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_body_of_8_mebibytes_is_read_and_a_longer_one_is_a_413(server):
    body = json.dumps({"code": "print(1)"}).encode()
    assert v1.post(server, body.ljust(8 << 20)).json()["stdout"] == "1\n"
    assert v1.refuse(server, body.ljust((8 << 20) + 1), 413, "body_too_long")["retryable"] == "no"


def test_the_type_of_a_problem_is_a_place_in_the_docs(server):
    problem = v1.refuse(server, {}, 422, "invalid_field")
    assert problem["type"] == "/docs#invalid_field"
    assert 'id="invalid_field"' in requests.get(server.url + "/docs", timeout=10).text
