# SPDX-License-Identifier: Apache-2.0
"""The front alone: every row of POST /run's table, its output, and a provider that fails."""
import json
import time

import pytest
import requests
from front import MIB, check_failure, drain, exchange, raw_request


# --- the table ------------------------------------------------------------------------------------------------------

def test_a_first_cell_makes_it_say_ready(front):
    assert front.first_line == f"safexecd: ready on {front.name}\n"


def test_success_has_two_keys_and_the_output(front):
    response = front.run("ok:4\n")
    assert (response.status_code, response.text) == (200, '{"success": true, "output": "4\\n"}')
    assert response.headers["Content-Type"] == "application/json" and response.headers["Cache-Control"] == "no-store"


def test_stage_timings_come_in_a_header(front):
    timing = front.run("ok:").headers["Server-Timing"]
    assert timing.startswith("queue;dur=") and timing.endswith(", setup;dur=0.100, run;dur=2.000, collect;dur=0.050")


@pytest.mark.parametrize("code, error, output", [
    ("error:Traceback\nBoom\n", "Traceback\nBoom\n", "before\n"),
    ("exit:3", "Exited with status 3.", ""),
    ("signal:11", "Killed by signal 11 (SIGSEGV).", ""),
    ("signal:64", "Killed by signal 64 (signal).", ""),
    ("verdict:timeout", "Execution timed out after 10 seconds.", "so far"),
    ("verdict:timeout:no newline", "no newline\nExecution timed out after 10 seconds.", "so far"),
    ("verdict:timeout:newline\n", "newline\nExecution timed out after 10 seconds.", "so far"),
    ("verdict:cpu_timeout", "CPU time limit of 10 seconds exceeded.", "so far"),
    ("verdict:memory", "Memory limit of 128 MB exceeded.", "so far"),
    ("verdict:output", "Output limit of 1 MiB exceeded.", "so far"),
    ("verdict:pids", "Process limit of 64 reached.", "so far"),
    ("verdict:pids:BlockingIOError", "BlockingIOError", "so far"),
    ("verdict:disk", "Disk limit of 16 MiB reached.", "so far"),
    ("verdict:disk:OSError", "OSError", "so far"),
])
def test_a_failed_program_is_a_200_with_its_reason(front, code, error, output):
    response = front.run(code)
    assert response.status_code == 200
    assert response.json() == {"success": False, "error": error, "output": output}


@pytest.mark.parametrize("body, message", [
    (b"", "The body is empty"),
    (b"{}", 'The key "code" is missing'),
    (b'{"code": 5}', '"code" is not a string'),
    (b'{"code": null}', '"code" is not a string'),
    (b'["code"]', "not a JSON object"),
    (b'"code"', "not a JSON object"),
    (b"17", "not a JSON object"),
    (b"{", "not valid JSON"),
    (b'{"code": "1",}', "not valid JSON"),
    (b"{'code': '1'}", "not valid JSON"),
    (b'{"code": "1"} x', "Something follows"),
    (b'{"code": "1"}{}', "Something follows"),
    (b'{"code": "1", "code": "2"}', "twice"),
    (b'{"code": "a\\u0000b"}', "NUL"),
    (b'{"code": "a\0b"}', "not valid JSON"),
    (b'{"code": "\\ud800"}', "surrogate"),
    (b'{"code": "\\udc00\\ud800"}', "surrogate"),
    (b'{"code": "\xff"}', "UTF-8"),
    (b'{"code": "1", "stdin": ""}', 'The key "stdin" is not known'),
    (b'{"code": "1", "a\\n\\"b": ""}', 'The key "a\\u000a\\u0022b" is not known'),
    (b'{"code": "1", "read_only": 1}', '"read_only" is not a boolean'),
    (b'{"code": "1", "read_only": null}', '"read_only" is not a boolean'),
    (b'{"code": "1", "read_only": "true"}', '"read_only" is not a boolean'),
    (b"[[[[[[[[[" + b"]" * 9, "nested"),
    (b"[" * 100000, "nested"),
    (b'{"code": 1e999}', "not valid JSON"),
])
def test_a_wrong_body_is_a_400_that_says_what_is_wrong(front, body, message):
    check_failure(requests.post(front.url(), data=body, headers={"Content-Type": "application/json"}, timeout=10), 400, message)


@pytest.mark.parametrize("filler", ["x", "é", "\U0001f600", "\x01", '"'])
def test_code_is_measured_in_characters_whatever_their_encoding(front, filler):
    for escape in (False, True):
        def send(chars):
            body = json.dumps({"code": "code:" + filler * (chars - 5)}, ensure_ascii=escape).encode()
            return requests.post(front.url(), data=body, headers={"Content-Type": "application/json"}, timeout=10)

        assert send(5000).json() == {"success": True, "output": "5000 0"}
        response = send(5001)
        check_failure(response, 400)
        assert response.json()["error"] == "Code is 5001 characters long; the limit is 5000."


def test_read_only_reaches_the_cell(front):
    for value, flags in ((True, 1), (False, 0)):
        response = requests.post(front.url(), json={"code": "code:", "read_only": value}, timeout=10)
        assert response.json()["output"] == f"5 {flags}"


@pytest.mark.parametrize("content_type, status", [
    ("application/json", 200), ("application/json; charset=utf-8", 200), ("Application/JSON", 200), ("application/json ;x=y", 200),
    ("text/plain", 415), ("application/jsonp", 415), ("application/x-www-form-urlencoded", 415), ("", 415), (None, 415),
])
def test_only_json_by_its_content_type_is_read(front, content_type, status):
    response = requests.post(front.url(), data=b'{"code": "ok:1"}', headers={"Content-Type": content_type}, timeout=10)
    assert response.status_code == status
    if status != 200:
        check_failure(response, 415, "application/json")


@pytest.mark.parametrize("method, path, status, allow", [
    ("GET", "/run", 405, "POST"), ("PUT", "/run", 405, "POST"), ("OPTIONS", "/run", 405, "POST"), ("HEAD", "/run", 405, "POST"),
    ("BREW", "/run", 405, "POST"), ("post", "/run", 405, "POST"), ("POST", "/", 405, "GET"), ("DELETE", "/app.js", 405, "GET"),
    ("GET", "/nothing", 404, None), ("POST", "/run/", 404, None), ("GET", "/%2e%2e/", 404, None), ("GET", "/" + "a" * 4000, 404, None),
    ("POST", "/%72un", 404, None), ("GET", "/run%00", 404, None), ("GET", "//", 404, None),
])
def test_other_methods_and_paths_are_named(front, method, path, status, allow):
    status_seen, headers, body = exchange(front, raw_request(head=f"{method} {path} HTTP/1.1\r\n".encode()))
    assert (status_seen, headers.get("allow")) == (status, allow)
    if method != "HEAD":
        assert json.loads(body)["success"] is False


def test_a_query_does_not_matter(front):
    assert requests.get(front.url("/?x=1"), timeout=10).status_code == 200


def test_health_is_ok(front):
    assert requests.get(front.url("/healthz"), timeout=10).json() == {"status": "ok"}


def test_the_page_and_its_files_come_with_a_strict_policy(front):
    for path, kind in (("/", "text/html"), ("/app.js", "text/javascript"), ("/style.css", "text/css"), ("/icon.svg", "image/svg+xml"),
                       ("/examples.js", "text/javascript"), ("/display.css", "text/css")):
        response = requests.get(front.url(path), timeout=10)
        assert response.status_code == 200 and response.headers["Content-Type"].startswith(kind)
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "http" not in response.text.replace("http://www.w3.org/2000/svg", "").replace("HTTP", "")


# --- output ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("data", [
    b"\x00", bytes(range(256)), b"\xff\xfe", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf",
    b"\xf0\x9f\x98\x80ok", b'"\\/\b\f\n\r\t\x7f\x1b[31m</script>', b"\xe2\x82\xe2\x82\xac",
])
def test_output_is_what_python_would_decode_with_replacement(front, data):
    assert front.run("hex:" + data.hex()).json() == {"success": True, "output": data.decode("utf-8", "replace")}


def test_output_up_to_the_limit_is_kept_whole(front):
    assert front.run(f"out:{MIB}").json() == {"success": True, "output": "x" * MIB}


@pytest.mark.parametrize("size", [MIB + 1, 50 * MIB])
def test_output_over_the_limit_stops_the_program_and_keeps_the_first_part(front, size):
    drain(front.provider.events)
    answer = front.run(f"out:{size}").json()
    assert answer == {"success": False, "error": "Output limit of 1 MiB exceeded.", "output": "x" * MIB}
    if size > 10 * MIB:
        assert front.provider.events.get(timeout=5) == ("flooded", True)


def test_output_that_comes_after_the_verdict_is_not_lost(front):
    assert front.run("late:last words").json() == {"success": True, "output": "last words"}


# --- the provider fails ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("code", ["die:", "garbage:", "badverdict:", "verdict:internal", "verdict:refused"])
def test_a_failing_provider_is_a_500_and_the_next_run_works(front, code):
    check_failure(front.run(code), 500, "The server")
    assert front.run("ok:1").json()["output"] == "1"


def test_it_says_whether_the_code_may_have_run(front):
    check_failure(front.run("die:"), 500, "may have run")
    check_failure(front.run("verdict:internal"), 500, "did not run")


def test_streams_that_do_not_end_after_the_verdict_are_a_500(front):
    check_failure(front.run("keepopen:"), 500, "may have run")


def test_a_silent_provider_is_given_up(own):
    one = own("--limit", "wall_ms=10")
    started = time.monotonic()
    check_failure(one.run("wait:"), 500, "may have run")
    assert 4.9 < time.monotonic() - started < 6.5
