# SPDX-License-Identifier: Apache-2.0
import importlib.util
import shutil
import tempfile

import page as pages
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

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
HAS_SCIENCE = all(importlib.util.find_spec(name) for name in ("numpy", "pandas", "matplotlib"))


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def server(start_server):
    """Offers science too, where the machine has what that needs."""
    with tempfile.NamedTemporaryFile("w", prefix="safexec-", suffix=".conf") as file:
        file.write("[environment science]\nslots = 1\nidle = 1\n" if HAS_SCIENCE else "")
        file.flush()
        yield start_server("--slots", "4", "--config", file.name)


@pytest.fixture
def science():
    if not HAS_SCIENCE:
        pytest.skip("NOT TESTED: numpy, pandas or matplotlib of the science environment is not installed")


@pytest.fixture
def page(browser, server):
    page = pages.Page(browser, server.url)
    yield page
    # Whatever a test did: nothing went wrong on the console, and nobody else was asked for anything.
    browser.switch_to.default_content()
    wanted, _ = page.network()
    assert (page.errors(), [url for url in wanted if pages.is_foreign(url, server.url)]) == ([], [])
