# SPDX-License-Identifier: Apache-2.0
"""The page of a server that asks for keys."""
import subprocess
import tempfile

import harness
import page as pages
import pytest

WAIT_S = 30


@pytest.fixture(scope="module")
def keyed():
    harness.need_root()
    with tempfile.TemporaryDirectory(prefix="safexec-keys-") as state:
        command = [harness.BUILD / "safexec", "keys", "--state", state, "add", "page", "--scopes", "run"]
        key = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=True).stdout.strip()
        server = harness.Server("--require-key", "yes", "--slots", "2", "--state", state).wait_listening()
        yield server, key
        server.stop()


def enter(page, key):
    page["key"].send_keys(key)
    page.all("#key-form button")[0].click()


def test_the_key_is_asked_for_used_and_kept_in_the_tab_alone(browser, keyed):
    server, key = keyed
    page = pages.Page(browser, server.url)
    page.until(lambda: page["key-form"].is_displayed(), "no key is asked for")
    page.run("print(1)", "Not run")
    assert "Authorization" in page.text("verdict")

    enter(page, key[:-1] + ("0" if key[-1] != "0" else "1"))
    page.until(lambda: "does not know this key" in page.text("key-why"), "a wrong key is not refused")
    enter(page, key)
    page.until(lambda: not page["key-form"].is_displayed(), "the key is not taken")
    page.wait_for_environments()
    assert page.run("print(1)") == ("1\n", None)

    assert page.js("return [sessionStorage['safexec-key'], localStorage.length, document.cookie, location.href]") == [key, 0, "", server.url + "/"]
    assert key not in page.js("return document.documentElement.outerHTML") and page["key"].get_property("value") == ""
    browser.refresh()
    page.wait_for_environments()  # still there, in this tab
    page["forget"].click()
    page.until(lambda: page["key-form"].is_displayed(), "it is not asked for again")
    assert not page.js("return Object.values(sessionStorage).some(value => value.includes(arguments[0]))", key)
    assert all("401" in message for message in page.errors())


def test_where_no_key_is_needed_none_is_asked_for(page):
    page.wait_for_environments()
    assert not page["key-form"].is_displayed() and not page["forget"].is_displayed()
