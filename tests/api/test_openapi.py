# SPDX-License-Identifier: Apache-2.0
"""api/openapi.yaml says what the front's sources say, and its own examples work."""
import json
import pathlib
import re
import shutil
import subprocess

import jsonschema
import openapi
import pytest
import requests
from openapi import SPEC

ROOT = pathlib.Path(__file__).parents[2]
SCHEMAS = SPEC["components"]["schemas"]
LINTER = "@seriousme/openapi-schema-validator@2.11.0"
UNITS = {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}


def number(text):
    value = 1
    for word in text.split("*"):
        value *= UNITS.get(word.strip()) or int(word)
    return value


def limit_rows():
    """Name to (minimum, maximum, default, ceiling)."""
    rows = re.findall(r'^LIMIT\((\w+),\s*"[^"]*",([^,]+),([^,]+),([^,]+),([^,]+),', (ROOT / "src/spec/limits.def").read_text(), re.M)
    return {name: tuple(map(number, numbers)) for name, *numbers in rows}


def table(path, macro, field=2):
    """The quoted names of an X-macro table."""
    return re.findall(rf'^{macro}\({"[^,]*," * (field - 1)} *"([^"]+)"', (ROOT / path).read_text(), re.M)


def test_the_longest_code_is_that_of_the_limits_table():
    rows = limit_rows()
    assert SCHEMAS["Request"]["properties"]["code"]["maxLength"] == rows["code_chars"][2]
    assert SCHEMAS["Program"]["properties"]["code"]["maxLength"] == rows["code_chars"][3]


def test_the_bounds_are_those_of_the_limits_table():
    rows = {name: row for name, row in limit_rows().items() if name != "code_chars"}
    least, _, usual, most = (value / 1000 for value in rows.pop("cpu_millis"))
    described = dict(SCHEMAS["Limits"]["properties"])
    cpus = described.pop("cpus")
    assert (cpus["minimum"], cpus["maximum"], cpus["default"]) == (least, most, usual)
    assert {name: (one["minimum"], one["maximum"], one["default"]) for name, one in described.items()} == {
        name: (least, most, usual) for name, (least, _, usual, most) in rows.items()}


@pytest.mark.parametrize("schema, path, macro", [
    ("Verdict", "src/spec/verdict.def", "VERDICT"), ("Layer", "src/spec/layers.def", "LAYER"), ("ProblemCode", "src/api/problem.def", "PROBLEM")])
def test_the_words_are_those_of_the_tables(schema, path, macro):
    assert SCHEMAS[schema]["enum"] == table(path, macro)


def test_the_bounds_of_files_and_words_are_those_of_the_wire():
    text = (ROOT / "src/wire/bundle.h").read_text()
    values = {name: number(value.strip(" ()")) for name, value in re.findall(r"#define BUNDLE_MAX_(\w+) +([\w *()]+?) *(?:/\*|$)", text, re.M)}
    run, program = SCHEMAS["RunFields"]["properties"], SCHEMAS["Program"]["properties"]
    assert SCHEMAS["File"]["properties"]["path"]["maxLength"] == program["entrypoint"]["maxLength"] == values["PATH"]
    assert program["files"]["maxItems"] == values["FILES"]
    assert run["args"]["maxItems"] == run["env"]["maxProperties"] == values["WORDS"]
    assert run["args"]["items"]["maxLength"] == run["env"]["additionalProperties"]["maxLength"] == values["WORD"]
    assert run["outputs"]["maxItems"] == values["GLOBS"]


def test_every_route_is_described_but_the_pages_files():
    rows = re.findall(r'^ROUTE\("(\w+)", *"([^"]+)"', (ROOT / "src/api/routes.def").read_text(), re.M)
    files = {(method.lower(), path) for method, path in rows if re.search(r"\.(js|css|svg)$", path)}
    described = {(method, path) for path, methods in SPEC["paths"].items() for method in methods}
    assert described == {(method.lower(), path) for method, path in rows} - files


def test_the_version_is_the_projects():
    assert SPEC["info"]["version"] == re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text())[1]


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_reference_leads_somewhere_and_every_component_is_used():
    used = set(references(SPEC))
    parts = {f"#/components/{kind}/{name}" for kind, part in SPEC["components"].items() for name in part if kind != "securitySchemes"}
    assert used == parts


def empty_keys(node, path="#"):
    if isinstance(node, dict):
        yield from (f"{path}/{key}" for key, value in node.items() if value is None)
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from empty_keys(value, f"{path}/{key}")


def test_no_sentence_is_cut_at_a_comma():
    """`{ description: One, two. }` is YAML for a description and a key without a value."""
    assert list(empty_keys({"a": {"description": "One", "two.": None}})) == ["#/a/two."]
    assert list(empty_keys(SPEC)) == []


def operations():
    return [(method, path, one) for path, methods in SPEC["paths"].items() for method, one in methods.items()]


def test_every_operation_has_a_name_of_its_own_and_a_summary():
    names = [one["operationId"] for _, _, one in operations()]
    assert len(set(names)) == len(names)
    assert all(one["summary"] and not one["summary"].endswith(".") for _, _, one in operations())


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one_of_json_schema_and_its_examples_fit(name):
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    for example in SCHEMAS[name].get("examples", []):
        openapi.check(example, name)


def test_a_linter_accepts_the_description(tmp_path):
    if not shutil.which("npm"):
        pytest.skip("npm is not here")
    install = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", tmp_path, LINTER], capture_output=True, text=True, timeout=120)
    if install.returncode != 0:
        pytest.skip(f"the linter cannot be had: {install.stderr[-200:]}")
    lint = subprocess.run([tmp_path / "node_modules/.bin/validate-api", ROOT / "api/openapi.yaml"], capture_output=True, text=True, timeout=60)
    assert json.loads(lint.stdout)["valid"] is True, lint.stdout


def examples():
    for method, path, one in operations():
        for kind, content in one.get("requestBody", {}).get("content", {}).items():
            found = content.get("examples") or ({"only": {"value": content["example"]}} if "example" in content else {})
            for name, example in found.items():
                yield pytest.param(method, path, kind, content["schema"], example["value"], id=f"{one['operationId']}-{name}")


@pytest.mark.parametrize("method, path, kind, schema, value", examples())
def test_every_example_is_valid_and_works(server, method, path, kind, schema, value):
    openapi.check(value, json.dumps(schema))
    for accept in ("application/json", "application/x-ndjson", "text/event-stream"):
        response = requests.request(method, server.url + path, data=json.dumps(value), headers={"Content-Type": kind, "Accept": accept}, timeout=40)
        assert response.status_code in (200, 202), response.text  # its form: conftest.py


def test_the_description_is_served_as_json(server):
    response = requests.get(server.url + "/openapi.json", timeout=10)
    assert response.headers["content-type"] == "application/json" and response.json() == SPEC


def test_the_page_of_the_description_names_everything_and_has_no_outside_part(server):
    response = requests.get(server.url + "/docs", timeout=10)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert all(f'id="{one["operationId"]}"' in response.text for _, _, one in operations())
    assert 'id="jobEnded"' in response.text
    assert all(f'id="{code}"' in response.text for code in SCHEMAS["ProblemCode"]["enum"])
    assert re.findall(r'(?:src|href)="([^#"]+)"', response.text) == ["/docs.css", "/icon.svg", "/openapi.json", "/"]
    assert "<script" not in response.text and "style=" not in response.text
