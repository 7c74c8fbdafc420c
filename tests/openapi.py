# SPDX-License-Identifier: Apache-2.0
"""api/openapi.yaml as a judge: is this answer one that the description allows? conftest.py asks it about every answer that requests gets."""
import functools
import json
import pathlib
import re
import urllib.parse

import jsonschema
import yaml

SPEC = yaml.safe_load((pathlib.Path(__file__).resolve().parents[1] / "api/openapi.yaml").read_text())
RESOLVER = jsonschema.RefResolver.from_schema(SPEC)


@functools.lru_cache(None)
def validator(name):
    """Of a schema of the components; or of any other, given as JSON text."""
    schema = json.loads(name) if name.startswith("{") else {"$ref": f"#/components/schemas/{name}"}
    return jsonschema.Draft202012Validator(schema, resolver=RESOLVER)


def faults(value, schema):
    return [f"{'.'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in validator(schema).iter_errors(value)]


def check(value, schema):
    assert not (found := faults(value, schema)), f"not a {schema[:40]}: {found}"


def resolve(node):
    return RESOLVER.resolve(node["$ref"])[1] if "$ref" in node else node


@functools.lru_cache(None)
def find_operation(method, path):
    """The operation that serves this path, or None."""
    for pattern, operations in SPEC["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[A-Za-z0-9_-]+", pattern), path):
            return operations.get(method.lower())
    return None


def find_response(operation, status):
    responses = operation["responses"]
    found = responses.get(str(status)) or responses.get(f"{status // 100}XX")
    return resolve(found) if found else None


def events(text, content_type):
    """The JSON objects of a streamed answer. A server-sent event is a name, a line of data and nothing else."""
    if content_type == "application/x-ndjson":
        return [json.loads(line) for line in text.splitlines()]
    found = []
    for block in filter(None, text.split("\n\n")):
        if block.startswith(":"):
            continue
        match = re.fullmatch(r"event: (\w+)\ndata: (\{.*\})", block)
        assert match, block
        found.append(json.loads(match[2]))
        assert found[-1]["event"] == match[1]
    return found


def is_ours(url, response):
    """Whether the description has to know this answer: of a server of ours, to a path that it describes or that is below /v1."""
    parts = urllib.parse.urlsplit(url)
    return parts.hostname in ("127.0.0.1", "localhost") and (parts.path.startswith("/v1/") or find_operation(response.request.method, parts.path)) and (
        "x-content-type-options" in response.headers)


def check_response(method, response):
    """Status, type, header fields and body of a whole answer."""
    path = urllib.parse.urlsplit(response.url).path
    content_type = response.headers.get("content-type", "").split(";")[0]
    operation = find_operation(method, path)
    if path.startswith("/v1/"):
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", response.headers["x-request-id"]), response.headers
    if not operation or response.status_code in (404, 405):
        if path.startswith("/v1/"):
            assert content_type == "application/problem+json", content_type
            check(response.json(), "Problem")
        return
    described = find_response(operation, response.status_code)
    assert described, f"{method} {path} does not describe {response.status_code}: {response.text[:300]}"
    assert content_type in described["content"], f"{content_type} of {method} {path} {response.status_code}: {response.text[:300]}"
    schema = described["content"][content_type].get("schema")
    if content_type.endswith("json") and content_type != "application/x-ndjson" and schema:
        check(response.json(), json.dumps(schema))
    elif content_type in ("application/x-ndjson", "text/event-stream"):
        response.encoding = "utf-8"
        for event in events(response.text, content_type):
            check(event, "Event")
    if content_type == "application/problem+json":
        assert response.json()["status"] == response.status_code
        assert response.json()["request_id"] == response.headers["x-request-id"]
