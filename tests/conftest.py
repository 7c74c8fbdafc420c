# SPDX-License-Identifier: Apache-2.0
import harness
import openapi
import pytest
import requests


@pytest.fixture(scope="session")
def start_server():
    """start_server(*options) returns a ready server; all of them are stopped in the end, and must stop cleanly."""
    harness.need_root()
    assert (harness.BUILD / "safexec").exists(), f"{harness.BUILD}/safexec is not built"
    servers = []

    def start(*options, **more):
        servers.append(harness.Server(*options, **more))
        return servers[-1].wait_ready()

    yield start
    failures = []
    for server in servers:
        try:
            server.stop()
        except AssertionError as e:
            failures.append(str(e))
            server.kill()
    assert not failures


@pytest.fixture(scope="session")
def server(start_server):
    """One server for all tests that leave it as it was."""
    return start_server()


@pytest.fixture(scope="session", autouse=True)
def answers_are_as_described():
    """Every whole answer that a test gets through requests is held against api/openapi.yaml."""
    send = requests.Session.send

    def send_and_check(session, request, **options):
        response = send(session, request, **options)
        if openapi.is_ours(request.url, response) and not options.get("stream"):
            openapi.check_response(request.method, response)
        return response

    requests.Session.send = send_and_check
    yield
    requests.Session.send = send
