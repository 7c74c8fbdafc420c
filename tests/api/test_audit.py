# SPDX-License-Identifier: Apache-2.0
"""`safexec audit` on a real native server: every form of its report, and that nothing of it is left behind."""

import html.parser
import json
import os
import pathlib
import re
import signal
import subprocess

import harness
import pytest

SAFEXEC = harness.BUILD / "safexec"
AUDIT_S = 60  # a native audit takes no longer
GRADES = {"good", "weak", "escaped", "unclear", "n/a"}
WANTED = (
    "aftermath passwd tmp-write tmp-read-only loop memory internet fork code-length host-folder left-behind process-left disk output identity "
    "environment neighbour setuid symlink mount ptrace bpf keyctl io-uring userfaultfd vsock alg unshare"
).split()


def audit(*options, seconds=AUDIT_S, **more):
    return subprocess.run([SAFEXEC, "audit", *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, **more)


def left_behind(pid):
    """The server and the bait of an audit."""
    baits = [name for name in os.listdir("/var/tmp") if name.startswith(f"safexec-audit-{pid}-")]
    return baits + harness.processes_with(f"audit-{pid}") + harness.traces_of(f"audit-{pid}")


# An audit takes the ten seconds of an endless loop: one of a server of its own in all forms, and one of the tests' server, are all there
# are here to be looked at.
FORMS = ("table", "md", "json", "html")


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The text of each form, of one audit; and what it said meanwhile."""
    harness.need_root()
    path = tmp_path_factory.mktemp("audit") / "report"
    (path.parent / "report.md").write_text("what was there " * 100000)  # longer than the report
    result = audit("--format", ",".join(FORMS), "--output", path)
    assert (result.returncode, result.stdout) == (0, ""), result
    assert sorted(os.listdir(path.parent)) == sorted(f"report.{form}" for form in FORMS)
    return {"said": result.stderr, **{form: path.with_suffix(f".{form}").read_text() for form in FORMS}}


@pytest.fixture(scope="module")
def report(reports):
    return json.loads(reports["json"])


@pytest.fixture(scope="module")
def given(server, tmp_path_factory):
    """The audit of a server that runs already; the bait of a killed audit lay there before it."""
    stale = pathlib.Path("/var/tmp/safexec-audit-4194303-stale")  # no process has the largest pid in a test
    stale.mkdir()
    (stale / "bait").write_text("x")
    path = tmp_path_factory.mktemp("given") / "report"
    process = subprocess.Popen([SAFEXEC, "audit", "--server", f"127.0.0.1:{server.port}", "--format", "json", "--output", path],
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert process.wait(AUDIT_S) == 0
    return {"pid": process.pid, "stale": stale, "report": json.loads(path.read_text())}


def test_one_audit_is_written_in_all_forms_at_once(reports):
    assert reports["said"].count("safexec audit: native,") == 1


def test_nothing_escapes_from_a_native_cell(report):
    assert report["format"] == "safexec-audit-1" and report["failed"] is False
    assert [c["id"] for c in report["columns"]] == ["native"] and report["columns"][0]["promises"] is True
    bad = {case["id"]: case["results"]["native"] for case in report["cases"] if case["results"]["native"]["grade"] not in ("good", "n/a")}
    assert bad == {}


def test_every_case_says_what_was_tried_what_happened_and_what_stopped_it(report):
    cases = {case["id"]: case for case in report["cases"]}
    assert set(WANTED) <= set(cases)
    assert cases["code-length"]["repeat"] == 5001 and cases["tmp-read-only"]["read_only"] is True
    for name, case in cases.items():
        result = case["results"]["native"]
        assert case["code"] and case["title"] and case["group"], name
        assert result["grade"] in GRADES and result["happened"].isprintable() and result["happened"], name
        assert (result["stopped_by"] is not None) == (result["grade"] == "good"), name
    assert "[Errno 30]" in cases["tmp-read-only"]["results"]["native"]["happened"]
    assert cases["loop"]["results"]["native"]["took_ms"] >= 10000


def test_counts_and_machine_are_this_ones(report):
    counts = report["columns"][0]["counts"]
    assert set(counts) == GRADES and sum(counts.values()) == len(report["cases"])
    assert os.uname().release in report["machine"]["kernel"] and report["machine"]["cpus"] == os.cpu_count()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", report["date"])
    assert report["limits"] and report["command"] == "safexec audit --provider native --format table,md,json,html"


class Page(html.parser.HTMLParser):
    """Checks that elements are closed in order, and collects what the page would load or run."""

    VOID = {"meta", "br"}

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.loads = [], set(), []

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        self.loads += [value for name, value in attributes if name in ("src", "href", "action") and not (value or "").startswith("#")]
        self.loads += [name for name, _ in attributes if name.startswith("on")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag


def test_the_page_is_one_file_that_loads_and_runs_nothing(reports):
    page = Page()
    page.feed(reports["html"])
    page.close()
    assert page.open == [] and page.loads == []
    assert {"svg", "table", "pre", "style"} <= page.seen and not {"script", "link", "img"} & page.seen
    assert "@media print" in reports["html"]


@pytest.mark.parametrize("form", ["md", "table"])
def test_text_forms_have_a_line_for_every_case(reports, report, form):
    plain = reports[form].replace("\\", "")
    assert all(case["title"] in plain for case in report["cases"])
    assert "Nothing escaped" in plain and report["machine"]["kernel"] in plain
    if form == "md":
        rows = [line for line in reports[form].splitlines() if line.startswith("| native | ")]
        assert len(rows) == len(report["cases"]) + 1  # and one of the facts
        assert all(len(re.findall(r"(?<!\\)\|", row)) in (3, 5) for row in rows)
        assert reports[form].count("```") % 2 == 0 and "what was there" not in reports[form]


def test_a_server_that_audit_did_not_start_has_no_bait_in_its_environment(given):
    case = next(c for c in given["report"]["cases"] if c["id"] == "environment")
    assert case["results"]["native"]["grade"] == "n/a"


def test_nothing_is_left_after_an_audit_and_a_killed_one_s_bait_goes_with_the_next(given):
    assert left_behind(given["pid"]) == [] and not given["stale"].exists()


@pytest.mark.parametrize(
    "options, words",
    [
        (("--provider", "none"), "native, docker or native,docker"),
        (("--provider", "native,native"), "native, docker or native,docker"),
        (("--provider", "native,"), "native, docker or native,docker"),
        (("--profile", ""), "original, hardened or original,hardened"),
        (("--format", "pdf"), "table, md, json, html"),
        (("--format", "md,md"), "table, md, json, html"),
        (("--format", "md,html"), "say with --output where"),
        (("--server", "example.com:80"), "ADDR:PORT of this machine"),
        (("--server", "8.8.8.8:80"), "ADDR:PORT of this machine"),
        (("--server", "127.0.0.1:1", "--provider", "native,docker"), "--server is one server"),
        (("extra",), "one argument too many"),
    ],
)
def test_a_wrong_command_line_is_told_and_tries_nothing(options, words):
    result = audit(*options, seconds=10)
    assert (result.returncode, result.stdout) == (2, "") and words in result.stderr, result


def test_without_a_server_there_it_says_so():
    result = audit("--server", "127.0.0.1:1", seconds=10)
    assert result.returncode == 1 and "No server answers at 127.0.0.1:1" in result.stderr


def test_a_report_that_cannot_be_written_is_told_before_anything_is_tried(server):
    result = audit("--server", f"127.0.0.1:{server.port}", "--output", "/nonexistent/report", seconds=10)
    assert (result.returncode, result.stderr.count("\n")) == (1, 1) and "Cannot write /nonexistent/report" in result.stderr


def test_help_and_overview_name_it():
    result = audit("--help", seconds=10)
    assert result.returncode == 0 and all(f"--{name}" in result.stdout for name in ("provider", "profile", "format", "output", "server"))
    overview = subprocess.run([SAFEXEC, "--help"], capture_output=True, text=True, check=True)
    assert "  audit " in overview.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_soon_and_leaves_nothing(number, tmp_path):
    harness.need_root()
    process = subprocess.Popen([SAFEXEC, "audit", "--output", tmp_path / "r"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    line = ""
    while "cases" not in line:
        line = process.stderr.readline()
        assert line, "it ended before it began"
    process.send_signal(number)
    assert process.wait(8) == 1  # less than the loops that it runs would take
    assert "Stopped." in process.stderr.read()
    process.stderr.close()
    assert not pathlib.Path(tmp_path / "r").exists()
    assert left_behind(process.pid) == []


def test_a_killed_audit_takes_its_server_with_it():
    process = subprocess.Popen([SAFEXEC, "audit"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert any("native," in line for line in process.stderr)  # the server is there
        assert harness.processes_with(f"audit-{process.pid}")
    finally:
        process.kill()
        process.communicate()
    harness.wait_until(lambda: not harness.processes_with(f"audit-{process.pid}"), 30, "its server ends")
    traces = [trace for trace in harness.traces_of(f"audit-{process.pid}") if not trace.startswith("/var/tmp/")]  # the bait is the next one's
    assert traces == []
