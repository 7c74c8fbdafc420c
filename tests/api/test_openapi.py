# SPDX-License-Identifier: Apache-2.0
"""api/openapi.yaml says what the front's sources say."""
import pathlib
import re

import pytest

yaml = pytest.importorskip("yaml")
ROOT = pathlib.Path(__file__).parents[2]
SPEC = yaml.safe_load((ROOT / "api/openapi.yaml").read_text())


def test_the_longest_code_is_that_of_the_limits_table():
    row = re.search(r"LIMIT\(code_chars,\s*\"\w+\",\s*\d+,\s*[^,]+,\s*(\d+),", (ROOT / "src/spec/limits.def").read_text())
    assert SPEC["components"]["schemas"]["Request"]["properties"]["code"]["maxLength"] == int(row[1])


def test_every_route_is_described_but_the_pages_files():
    rows = re.findall(r'^ROUTE\("(\w+)", *"([^"]+)"', (ROOT / "src/api/routes.def").read_text(), re.M)
    routes = {(method.lower(), path) for method, path in rows} - {("get", "/app.js"), ("get", "/style.css"), ("get", "/icon.svg")}
    assert {(method, path) for path, methods in SPEC["paths"].items() for method in methods} == routes


def test_the_version_is_the_projects():
    assert SPEC["info"]["version"] == re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text())[1]
