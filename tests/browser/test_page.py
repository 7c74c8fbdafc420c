# SPDX-License-Identifier: Apache-2.0
"""The page in headless Chromium, before the real server."""

import json
import re
import shutil
import urllib.parse

import pytest
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

WAIT_S = 20
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = Options()
    profile = tmp_path_factory.mktemp("profile")
    for argument in (*QUIET, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
    yield driver
    driver.quit()


class Page:
    def __init__(self, driver, url):
        self.driver, self.url = driver, url
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        driver.get_log("browser"), driver.get_log("performance")  # what earlier tests left
        driver.get(url + "/")

    def __getitem__(self, name):
        return self.driver.find_element(By.ID, name)

    def text(self, name):
        return self[name].get_property("textContent")

    def write(self, code):
        self["code"].clear()
        self.driver.execute_script(
            "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))", self["code"], code
        )

    def wait_for(self, state):
        WebDriverWait(self.driver, WAIT_S).until(lambda _: self.text("state") == state, f"the state is {self.text('state')!r}")

    def run(self, code, state="Finished"):
        self.write(code)
        self["run"].click()
        self.wait_for(state)
        return self.text("output"), self.text("error") if self["error-part"].is_displayed() else None

    def style(self, name, key):
        return self.driver.execute_script(
            "return getComputedStyle(arguments[0])[arguments[1]]", self.driver.find_element(By.CSS_SELECTOR, name), key
        )

    def focused(self):
        return self.driver.switch_to.active_element.get_attribute("id")


@pytest.fixture
def page(browser, server):
    page = Page(browser, server.url)
    yield page
    # Whatever a test did: nothing went wrong on the console, and nobody else was asked for anything.
    errors = [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [m["params"]["request"]["url"] for m in asked if m["method"] == "Network.requestWillBeSent"]
    foreign = [
        u for u in urls if urllib.parse.urlsplit(u).netloc != urllib.parse.urlsplit(server.url).netloc and not u.startswith("data:")
    ]
    assert (errors, foreign) == ([], []) and urls


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
    assert page.driver.execute_script("return document.querySelectorAll('pre *').length") == 0


def test_blanks_and_long_output_keep_their_shape(page):
    output, _ = page.run("print('a   b\\n\\tc'); print('x' * 5000); [print(i) for i in range(2000)]")
    assert output.startswith("a   b\n\tc\n" + "x" * 5000 + "\n0\n1\n") and output.endswith("1999\n")
    assert page.style("#output", "whiteSpace").startswith("pre")


def test_a_run_shows_that_it_runs_and_how_long_it_took(page):
    page.write("import time; time.sleep(1.2)")
    page["run"].click()
    page.wait_for("Running")
    assert not page["run"].is_enabled() and page["stop"].is_displayed()
    page.wait_for("Finished")
    number, unit = re.fullmatch(r"([\d.]+) (m?s)", page.text("clock")).groups()
    assert unit == "s" and 1.2 <= float(number) < 5
    assert page["run"].is_enabled() and not page["stop"].is_displayed()


def test_a_run_can_be_stopped(page):
    page.write("import time; time.sleep(9)")
    page["run"].click()
    page.wait_for("Running")
    page["stop"].click()
    page.wait_for("Stopped")
    assert page.run("print(1)") == ("1\n", None)


def test_what_the_server_refuses_is_shown_as_an_error(page):
    # The browser logs each 400 as an error of its own; that one is wanted.
    output, error = page.run("#" * 5001, "Not run")
    assert output == "" and error == "Code is 5001 characters long; the limit is 5000."
    logged = page.driver.get_log("browser")
    assert len(logged) <= 1 and all("400" in entry["message"] for entry in logged)


def test_read_only_is_asked_for_by_the_box(page):
    page["read-only"].click()
    _, error = page.run("open('/tmp/x', 'w')", "Failed")
    assert error.endswith("[Errno 30] Read-only file system: '/tmp/x'\n")


def test_everything_works_by_keyboard(page):
    page.driver.execute_script("document.activeElement.blur()")
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
    ActionChains(page.driver).send_keys(Keys.ESCAPE, Keys.TAB).perform()
    assert page.focused() == "run"
    ActionChains(page.driver).send_keys(Keys.SPACE).perform()
    page.wait_for("Finished")
    assert page.text("output") == "0\n1\n"


def test_focus_can_be_seen(page):
    ActionChains(page.driver).send_keys(Keys.TAB).perform()
    focused = "document.activeElement"
    style = page.driver.execute_script(
        f"const s = getComputedStyle({focused}); return [s.outlineStyle, s.outlineWidth, s.boxShadow]"
    )
    assert style[0] != "none" and style[1] != "0px" or style[2] != "none"


def test_every_control_has_a_name(page):
    nameless = page.driver.execute_script(
        """
        return [...document.querySelectorAll('button, input, textarea, select, a')]
            .filter(e => !(e.labels && e.labels.length) && !e.textContent.trim() && !e.getAttribute('aria-label') && !e.getAttribute('aria-labelledby'))
            .map(e => e.outerHTML)"""
    )
    assert nameless == []


@pytest.mark.parametrize("width", [320, 360, 412, 768])
def test_a_phone_needs_no_sideways_scrolling(page, width):
    page.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 700, "deviceScaleFactor": 2, "mobile": True}
    )
    page.run("print('x' * 500); import sys; sys.exit('y' * 500)", "Failed")
    assert page.driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]") == [width, width]
    assert page["run"].size["height"] >= 24 and float(page.style("#code", "fontSize")[:-2]) >= 14


def luminance(colour):
    """Relative luminance as WCAG 2 has it."""
    channels = [int(c) / 255 for c in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_reads_well_by_day_and_by_night(page, scheme):
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    page.run("print('out'); 1/0", "Failed")
    background = page.style("body", "backgroundColor")
    assert (luminance(background) < 0.1) == (scheme == "dark")
    for part in ("#code", "#output", "#error", "#run", "#state"):
        behind = page.driver.execute_script(
            """
            let e = document.querySelector(arguments[0]);
            while (e && /rgba\\(.*, 0\\)|transparent/.test(getComputedStyle(e).backgroundColor)) e = e.parentElement;
            return getComputedStyle(e || document.body).backgroundColor""",
            part,
        )
        assert contrast(page.style(part, "color"), behind) >= 4.5, part


def test_the_page_forbids_scripts_from_elsewhere(page):
    import requests

    policy = requests.get(page.url + "/", timeout=10).headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";") if rule.strip())
    assert (
        rules["default-src"] == "'none'" and "unsafe" not in policy and "*" not in policy and rules["frame-ancestors"] == "'none'"
    )
