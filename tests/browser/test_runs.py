# SPDX-License-Identifier: Apache-2.0
"""What becomes of a run, on the page: as it happens, in plain words, with its files."""
import re

import harness
import pytest
import requests


def runs_on(server):
    return int(re.search(r"^safexec_runs_running (\d+)", requests.get(server.url + "/metrics", timeout=10).text, re.M)[1])


def test_output_appears_as_it_comes_and_stop_ends_the_run(page, server):
    page.start("import sys, time\nprint('.', end='')\nprint('!', end='', file=sys.stderr)\nwhile True: time.sleep(1)")
    page.until(lambda: (page.text("output"), page.text("error")) == (".", "!"), "nothing of it appeared")
    assert page.text("state") == "Running" and runs_on(server) == 1
    page["stop"].click()
    page.wait_for("Stopped")
    assert page.text("output") == "." and page["error-part"].is_displayed()
    assert not page["stop"].is_displayed() and page.focused() == "run"
    harness.wait_until(lambda: runs_on(server) == 0, 10, "the run goes on without its client")
    assert page.run("print(1)") == ("1\n", None)


@pytest.mark.parametrize("code, state, verdict", [
    ("", "Finished", ""),
    ("import sys; sys.exit(3)", "Failed", "Exited with status 3."),
    ("import os; os.kill(os.getpid(), 11)", "Failed", "Killed by signal 11 (SIGSEGV)."),
    ("x = b'x' * (1 << 28)", "Stopped at a limit", "Memory limit of 128 MB exceeded."),
    ("while True: print('x' * 9999)", "Stopped at a limit", "Output limit of 1 MiB exceeded."),
    ("while True: pass", "Stopped at a limit", "Execution timed out after 0.3 seconds."),
    ("raise SystemError", "Failed", "SystemError"),
    ("{}['<b>']", "Failed", "KeyError: '<b>'"),
])
def test_the_end_is_told_in_plain_words(page, code, state, verdict):
    page.set("seconds", "0.3" if "pass" in code else "9")
    page.run(code, state)
    assert page.text("verdict") == verdict and page["verdict-part"].is_displayed() == (verdict != "")
    assert re.fullmatch(r"[\d.]+ m?s(, [\d.]+ MB)?", page.text("clock"))


def test_the_mark_stays_behind_its_line_when_the_window_becomes_narrow(page):
    """Lines are taller there."""
    page.run("x = 1\n\n\nx / 0", state="Failed")
    page.be_a_phone(400)
    off = "const top = (s) => document.querySelector(s).getBoundingClientRect().top; return Math.abs(top('#mark') - top('#numbers .marked'))"
    page.until(lambda: page.js(off) < 4, "the mark is behind the line")


@pytest.mark.parametrize("code, line", [("x = 1\n\n\ndef f():\n    return x / 0\n\n\nf()\n", 5), ("\n" * 79 + "1 +* 2", 80), ("import json\njson.loads('{')", 2)])
def test_the_line_that_failed_is_marked_and_can_be_gone_to(page, code, line):
    page.run(code, "Failed")
    assert [e.get_property("textContent") for e in page.all("#numbers .marked")] == [str(line)]
    assert page.js("return document.getElementById('mark').hidden") is False and page.text("line") == f"Line {line}"
    page["line"].click()
    assert page.focused() == "code"
    assert page.js("return arguments[0].value.slice(0, arguments[0].selectionStart).split('\\n').length", page["code"]) == line
    top, bottom = page.js("const r = e => document.querySelector(e).getBoundingClientRect(), m = r('#mark'), n = r('#numbers .marked');"
                          "return [Math.abs(m.top - n.top), Math.abs(m.bottom - n.bottom)]")
    assert max(top, bottom) < 2, "the mark lies beside its number"
    page["code"].send_keys("x")
    assert not page.all("#numbers .marked") and page.js("return document.getElementById('mark').hidden")


def test_standard_input_is_what_stands_in_its_box(page):
    page.run("input()", "Failed")
    assert "wanted more input" in page.text("verdict") and page["stdin"].is_displayed()
    page["stdin"].send_keys("one\ntwo")
    assert page.run("print(input(), '-', input())") == ("one - two\n", None)


@pytest.mark.parametrize("code, value", [("2 ** 70", str(2 ** 70)), ("'<i>'", "'<i>'"), ("x = 5", None), ("print(1)", None)])
def test_the_value_of_the_last_line_is_shown(page, code, value):
    page.run(code)
    assert page["value-part"].is_displayed() == (value is not None) and page.text("value") == (value or "")


def test_files_come_back_to_be_saved(page, browser, tmp_path):
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    page.set("outputs", "**")
    page.run("import os\nos.mkdir('d')\nopen('d/a b.bin', 'wb').write(bytes(range(256)))\nopen('<i>é.html', 'w').write('<script>é</script>')")
    links = {link.text: link for link in page.all("#files a")}
    assert sorted(links) == ["<i>é.html", "d/a b.bin"]
    for link in links.values():
        assert link.get_property("href").startswith("blob:" + page.url)
        link.click()
    # A file has its own name when all of it is there.
    names = harness.wait_until(lambda: [*tmp_path.glob("*.bin"), *tmp_path.glob("*.html")][1:] and sorted(tmp_path.glob("*.*")), 20, "the downloads")
    assert {p.suffix: p.read_bytes() for p in names} == {".bin": bytes(range(256)), ".html": "<script>é</script>".encode()}


def test_of_very_much_output_all_can_be_saved(page, browser, tmp_path):
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    output, _ = page.run("for i in range(90_000): print(i)")
    assert output.startswith("0\n1\n") and 100_000 < len(output) < 300_000
    page["output-more"].find_element("tag name", "a").click()
    whole = "".join(f"{i}\n" for i in range(90_000))
    saved = tmp_path / "stdout.txt"
    harness.wait_until(saved.exists, 20, "the download")
    assert saved.read_text() == whole


REFUSING = """
    const [refused, isStreamed] = arguments, real = window.fetch;
    window.asked = [];
    window.fetch = (path, options) => {
        const body = options && options.body ? JSON.parse(options.body) : {};
        if (path === "/v1/runs") asked.push(refused.filter(name => name in body));
        if (!refused.some(name => name in body)) return real(path, options);
        const problem = JSON.stringify({ event: "problem", code: "unsupported", status: 422, detail: "no" });
        return Promise.resolve(new Response(problem + "\\n", { status: isStreamed ? 200 : 422 }));
    };"""


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize("refused", [["last_value"], ["last_value", "outputs", "env"]], ids=len)
def test_what_a_provider_cannot_do_is_done_without(page, refused, is_streamed):
    page.wait_for_environments()
    page.js(REFUSING, refused, is_streamed)
    assert page.run("print(1)\n2") == ("1\n", None) and not page["value-part"].is_displayed()
    count = page.js("return asked.length")
    assert page.run("print(3)") == ("3\n", None)
    assert page.js("return asked.slice(arguments[0])", count) == [[]], "it is not asked for again"


EXAMPLES = [
    ("Letters", "base", "Finished", "", "██"),
    ("A drawing and a file", "base", "Finished", "", ""),
    ("A plot and a table", "science", "Finished", "", ""),
    ("A traceback", "base", "Failed", "KeyError: 'quince'", "6\n"),
    ("No network", "base", "Finished", "", "1.1.1.1: [Errno 101] Network is unreachable"),
    ("A memory bomb", "base", "Stopped at a limit", "Memory limit of 128 MB exceeded.", "100 MiB"),
    ("A fork bomb", "base", "Stopped at a limit", "Execution timed out after 1 second.", "Forking ...\n"),
    ("An endless loop", "base", "Stopped at a limit", "Execution timed out after 2 seconds.", "round 1\n"),
]


def test_every_example_is_listed(page):
    page.wait_for_environments()
    listed = [e.get_property("textContent") for e in page.all("#examples button")]
    assert len(listed) == len(EXAMPLES) and all(text.startswith(name) for text, (name, *_) in zip(listed, EXAMPLES))


@pytest.mark.parametrize("name, environment, state, verdict, output", EXAMPLES)
def test_the_examples_show_what_they_say(page, request, name, environment, state, verdict, output):
    if environment != "base":
        request.getfixturevalue("science")
    page.wait_for_environments()
    page.load_example(name)
    assert page.focused() == "run" and page["environment"].get_property("value") == environment
    page["run"].click()
    page.until(lambda: page.text("state") not in ("Waiting", "Running", "Not run yet"), "the example goes on")
    assert (page.text("state"), page.text("verdict")) == (state, verdict)
    assert output in page.text("output") and "reached" not in page.text("output")


def test_an_example_can_be_undone(page):
    page["code"].click()
    page["code"].send_keys("mine = 1")
    before = page["code"].get_property("value")
    page.load_example("A traceback")
    assert "quince" in page["code"].get_property("value")
    page["code"].send_keys("\ue009z")
    assert page["code"].get_property("value") == before


def test_an_example_that_the_server_cannot_run_says_so(page):
    page.wait_for_environments()
    page.js("return import('/examples.js').then(m => { m.examples.push({ name: 'Other', about: '', environment: 'elsewhere', code: '' }); })")
    page.js("return import('/app.js').then(m => m.loadEnvironments())")
    page.js("document.getElementById('examples').open = true")
    other = next(button for button in page.all("#examples button") if button.text.startswith("Other"))
    assert not other.is_enabled() and "no environment “elsewhere”" in other.text
