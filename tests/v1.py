# SPDX-License-Identifier: Apache-2.0
"""/v1 for tests: each answer comes as the caller expects it, or the test fails with what came instead."""
import contextlib

import openapi
import requests


def post(server, body, path="/v1/runs", accept="application/json", **more):
    return server.post(body, path=path, headers={"Content-Type": "application/json", "Accept": accept}, **more)


def run(server, code=None, path="/v1/runs", **body):
    """A run that is to reach a verdict; its answer."""
    response = post(server, {"code": code, **body} if code is not None else body, path)
    assert response.status_code == 200, f"{response.text}; the log: {server.log()}"
    return response.json()


def refuse(server, body, status, code, path="/v1/runs"):
    """A request that is to be refused; the problem."""
    response = post(server, body, path)
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code), problem
    return problem


@contextlib.contextmanager
def stream(server, code, accept="application/x-ndjson", **body):
    """The events of a run, as they come."""
    with requests.Session() as session:
        session.trust_env = False
        response = session.post(server.url + "/v1/runs", json={"code": code, **body}, headers={"Accept": accept}, stream=True, timeout=40)
        assert (response.status_code, response.headers["content-type"]) == (200, accept), response.text
        yield checked(response, accept)


def checked(response, accept):
    block = b""
    for line in response.iter_lines(chunk_size=None):
        block += line + b"\n"
        if accept == "application/x-ndjson" or line == b"":
            for event in openapi.events(block.decode(), accept):
                openapi.check(event, "Event")
                yield event
            block = b""
    assert block == b"", block
