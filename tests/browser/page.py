# SPDX-License-Identifier: Apache-2.0
"""The page as a person has it, and what can be seen of it."""
import json
import re
import urllib.parse

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

WAIT_S, POLL_S = 30, 0.05
BUSY = ("Waiting", "Running")


class Page:
    def __init__(self, driver, url, path="/"):
        self.driver, self.url = driver, url
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        driver.get_log("browser"), driver.get_log("performance")  # what earlier tests left
        driver.get(url + path)

    def __getitem__(self, name):
        return self.driver.find_element(By.ID, name)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def text(self, name):
        return self[name].get_property("textContent")

    def until(self, is_true, what):
        return WebDriverWait(self.driver, WAIT_S, POLL_S).until(lambda _: is_true(), what)

    def wait_for_environments(self):
        self.until(lambda: self.all("#environment option"), "no environments")
        return self

    def write(self, code):
        self.js("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))", self["code"], code)

    def wait_for(self, state):
        self.until(lambda: self.text("state") == state, f"the state is not {state}")

    def start(self, code):
        self.write(code)
        self["run"].click()

    def run(self, code, state="Finished"):
        self.start(code)
        self.until(lambda: self.text("state") not in BUSY, "the run goes on")
        assert self.text("state") == state, (self.text("verdict"), self.text("error"))
        return self.text("output"), self.text("error") if self["error-part"].is_displayed() else None

    def open_options(self):
        self.js("arguments[0].open = true", self["options"])

    def set(self, name, value):
        self.open_options()
        self[name].clear()
        self[name].send_keys(value)

    def choose_environment(self, name):
        self.wait_for_environments()
        self.js("arguments[0].value = arguments[1]", self["environment"], name)

    def load_example(self, name):
        self.js("arguments[0].open = true", self["examples"])
        next(button for button in self.all("#examples button") if button.text.startswith(name)).click()

    def style(self, name, key):
        return self.js("return getComputedStyle(arguments[0])[arguments[1]]", self.driver.find_element(By.CSS_SELECTOR, name), key)

    def focused(self):
        return self.driver.switch_to.active_element.get_attribute("id")

    def prefer(self, name, value):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": name, "value": value}]})

    def be_a_phone(self, width):
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": width, "height": 700, "deviceScaleFactor": 2, "mobile": True}
        )

    def errors(self):
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def network(self):
        """The addresses that the browser wanted something of since this was called last, and those that it got something from."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        wanted = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        got = [m["params"]["response"]["url"] for m in messages if m["method"] == "Network.responseReceived"]
        return [[url for url in urls if not url.startswith(("data:", "blob:"))] for urls in (wanted, got)]

    def contrast_of(self, selector):
        """Of its text with what lies behind it, as WCAG 2 has it."""
        behind = self.js(
            """
            let e = document.querySelector(arguments[0]);
            while (e && /rgba\\(.*, 0\\)|transparent/.test(getComputedStyle(e).backgroundColor)) e = e.parentElement;
            return getComputedStyle(e || document.body).backgroundColor""",
            selector,
        )
        return contrast(self.style(selector, "color"), behind)


def is_foreign(url, own):
    return urllib.parse.urlsplit(url).netloc != urllib.parse.urlsplit(own).netloc


def luminance(colour):
    channels = [int(c) / 255 for c in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
