# SPDX-License-Identifier: Apache-2.0
"""The page in headless Chromium, before the real server."""

import re

import pytest
from page import contrast, luminance
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys


def test_the_example_runs_by_button(page):
    assert page["code"].get_property("value").strip()
    page["run"].click()
    page.wait_for("Finished")
    assert page.text("output").strip() and not page["error-part"].is_displayed()


def test_the_example_runs_by_ctrl_enter_from_the_text(page):
    page["code"].click()
    ActionChains(page.driver).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
    page.wait_for("Finished")
    assert page.text("output").strip()


def test_output_and_error_are_shown_apart(page):
    output, error = page.run("print('out')\n1/0", "Failed")
    assert output == "out\n" and error.startswith("Traceback") and error.endswith("ZeroDivisionError: division by zero\n")
    assert page.run("print('fine')") == ("fine\n", None)


def test_output_is_text_and_never_markup(page):
    markup = "<b>x</b><img src=x onerror=alert(1)><script>alert(2)</script>&amp;"
    output, _ = page.run(f"print({markup!r})")
    assert output == markup + "\n"
    output, error = page.run(f"import sys; print({markup!r}); sys.exit({markup!r})", "Failed")
    assert (output, error) == (markup + "\n", markup + "\n")
    assert page.js("return document.querySelectorAll('pre *').length") == 0


def test_blanks_and_long_output_keep_their_shape(page):
    output, _ = page.run("print('a   b\\n\\tc'); print('x' * 5000); [print(i) for i in range(2000)]")
    assert output.startswith("a   b\n\tc\n" + "x" * 5000 + "\n0\n1\n") and output.endswith("1999\n")
    assert page.style("#output", "whiteSpace").startswith("pre")


@pytest.mark.parametrize("pieces, shown", [
    (["a\n10%", "\r20%", "\r", "30%\nb\n"], "a\n30%\nb\n"),
    (["a\r\nb\r\n"], "a\r\nb\r\n"),
    (["1\r2\r3"], "3"),
    (["x", "a\ra"], "a"),
    (["x" * 250_000 + "\rend"], "x" * 200_000),  # and in no time
    (["\x1b[1;31mred\x1b[0m \x1b[x"], "red \x1b[x"),
])
def test_what_is_written_over_is_shown_as_a_terminal_would(page, pieces, shown):
    output, _ = page.run(f"import sys, time\nfor piece in {pieces!r}: sys.stdout.buffer.write(piece.encode()); time.sleep(0.15)")
    assert output == shown


def test_a_run_shows_that_it_runs_and_how_long_it_took(page):
    page.write("import time; time.sleep(1.2)")
    page["run"].click()
    page.wait_for("Running")
    assert not page["run"].is_enabled() and page["stop"].is_displayed()
    page.wait_for("Finished")
    seconds, memory = re.fullmatch(r"([\d.]+) s, ([\d.]+) MB", page.text("clock")).groups()
    assert 1.2 <= float(seconds) < 5 and 1 < float(memory) < 128
    assert page["run"].is_enabled() and not page["stop"].is_displayed()


def test_what_the_server_refuses_is_said_in_its_words(page):
    # The browser logs each 422 as an error of its own; that one is wanted.
    page.set("seconds", "599")
    page.run("print(1)", "Not run")
    assert "wall_ms" in page.text("verdict") and "60000" in page.text("verdict") and page.text("output") == ""
    assert all("422" in message for message in page.errors())


def test_read_only_is_asked_for_by_the_box(page):
    page.open_options()
    page["read-only"].click()
    _, error = page.run("open('/tmp/x', 'w')", "Failed")
    assert error.endswith("[Errno 30] Read-only file system: '/tmp/x'\n")


def test_everything_works_by_keyboard(page):
    page.wait_for_environments()
    keys = ActionChains(page.driver)
    for _ in range(20):
        keys.send_keys(Keys.TAB).perform()
        if page.focused() == "code":
            break
    assert page.focused() == "code"
    ActionChains(page.driver).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).send_keys(
        "for i in range(2):", Keys.ENTER, "print(i)"
    ).perform()
    assert page["code"].get_property("value") == "for i in range(2):\n    print(i)"
    ActionChains(page.driver).send_keys(Keys.ESCAPE, Keys.TAB, Keys.TAB).perform()  # past the options
    assert page.focused() == "run"
    ActionChains(page.driver).send_keys(Keys.SPACE).perform()
    page.wait_for("Finished")
    assert page.text("output") == "0\n1\n"


def test_the_examples_are_a_menu_for_keys_too(page):
    summary = page.all("#examples summary")[0]
    summary.send_keys(Keys.ENTER)
    assert page["examples"].get_property("open")
    ActionChains(page.driver).send_keys(Keys.TAB, Keys.ESCAPE).perform()
    assert not page["examples"].get_property("open") and page.driver.switch_to.active_element == summary
    summary.send_keys(Keys.ENTER)
    ActionChains(page.driver).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
    assert not page["examples"].get_property("open"), "it stays open behind who has left it"
    summary.send_keys(Keys.ENTER)
    ActionChains(page.driver).send_keys(Keys.TAB, Keys.TAB, Keys.ENTER).perform()
    assert page.focused() == "run" and "Drawing" in page["code"].get_property("value")


def test_a_page_that_is_loaded_again_has_its_program(page):
    page.write("mine = 1")
    page.driver.refresh()
    assert page["code"].get_property("value") == "mine = 1"
    page.driver.get(page.url)
    assert "mine" not in page["code"].get_property("value")


def test_focus_can_be_seen(page):
    ActionChains(page.driver).send_keys(Keys.TAB).perform()
    focused = "document.activeElement"
    style = page.js(f"const s = getComputedStyle({focused}); return [s.outlineStyle, s.outlineWidth, s.boxShadow]")
    assert style[0] != "none" and style[1] != "0px" or style[2] != "none"


def test_every_control_has_a_name(page):
    nameless = page.js(
        """
        return [...document.querySelectorAll('button, input, textarea, select, a, summary, iframe')]
            .filter(e => e.checkVisibility() && !e.title && !(e.labels && e.labels.length) && !e.textContent.trim() && !e.getAttribute('aria-label') && !e.getAttribute('aria-labelledby'))
            .map(e => e.outerHTML)"""
    )
    assert nameless == []


@pytest.mark.parametrize("width", [320, 360, 412, 768])
def test_a_phone_needs_no_sideways_scrolling(page, width):
    page.be_a_phone(width)
    page.open_options()
    page.wait_for_environments()
    page.run("print('x' * 500); import sys; sys.exit('y' * 500)", "Failed")
    assert page.js("return [document.documentElement.scrollWidth, innerWidth]") == [width, width]
    assert page["run"].size["height"] >= 24 and float(page.style("#code", "fontSize")[:-2]) >= 14


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_reads_well_by_day_and_by_night(page, scheme):
    page.prefer("prefers-color-scheme", scheme)
    page.open_options()
    page.run("print('out'); open('x', 'w').write('1'); 1/0", "Failed")
    assert (luminance(page.style("body", "backgroundColor")) < 0.1) == (scheme == "dark")
    for part in ("#code", "#output", "#error", "#run", "#state", "#verdict", "#line", "#clock", ".numbers .marked", ".numbers :last-child",
                 "#files a", "#files .quiet", "summary", "h3", "footer", "footer a", "#environment", "#seconds", "header p"):
        assert page.contrast_of(part) >= 4.5, part
    mark = page.style("#mark", "backgroundColor")
    assert min(contrast(page.style("#code", "color"), mark), contrast(page.style(".numbers .marked", "color"), mark)) >= 4.5
    for edge in ("#environment", "#stdin", "#outputs"):
        assert contrast(page.style(edge, "borderTopColor"), page.style(".card", "backgroundColor")) >= 3, edge


def test_nothing_moves_for_those_who_want_no_motion(page):
    page.prefer("prefers-reduced-motion", "reduce")
    page.js("document.getElementById('state').className = 'state running'")
    moving = page.js("""return [...document.querySelectorAll("*")].flatMap(e => [null, "::before"].map(p => getComputedStyle(e, p)))
        .filter(s => s.animationName !== "none" || s.transitionDuration !== "0s").length""")
    assert moving == 0


def test_states_are_announced_and_long_output_is_not_read_aloud(page):
    page.run("print('short')")
    roles = {name: page[name].get_attribute("role") for name in ("state", "verdict", "output")}
    assert roles == {"state": "status", "verdict": "status", "output": "log"}
    assert page["output"].get_attribute("aria-live") == "polite" and page["results"].get_attribute("aria-busy") == "false"
    page.run("print('long ' * 1000)")
    assert page["output"].get_attribute("aria-live") == "off"


def test_tab_shifts_the_lines_that_are_selected_and_undo_brings_them_back(page):
    code = "if x:\nprint(1)\n\nprint(2)"
    page.write(code)
    page["code"].click()
    page.js("arguments[0].setSelectionRange(8, arguments[0].value.length)", page["code"])
    shifted = "if x:\n    print(1)\n\n    print(2)"
    for keys, text in (([Keys.TAB], shifted), ([Keys.SHIFT, Keys.TAB, Keys.NULL], code), ([Keys.CONTROL, "z", Keys.NULL], shifted)):
        page["code"].send_keys(*keys)
        assert page["code"].get_property("value") == text
    page.js("arguments[0].setSelectionRange(3, 3)", page["code"])
    page["code"].send_keys(Keys.SHIFT, Keys.TAB, Keys.NULL)
    assert page.focused() != "code"  # there is a way back, too


def test_lines_are_numbered(page):
    page.write("a\nb\n\nd")
    assert [e.text for e in page.all("#numbers div")] == ["1", "2", "3", "4"]


def test_the_page_forbids_scripts_from_elsewhere(page):
    import requests

    policy = requests.get(page.url + "/", timeout=10).headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";") if rule.strip())
    assert (
        rules["default-src"] == "'none'" and "unsafe" not in policy and "*" not in policy and rules["frame-ancestors"] == "'none'"
    )
