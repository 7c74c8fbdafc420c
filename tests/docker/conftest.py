# SPDX-License-Identifier: Apache-2.0
import os

import docker_engine
import harness
import pytest


@pytest.fixture(scope="session")
def engine():
    """An Engine with the image, for all tests. Where there can be none, that is said loudly; in CI it is a failure."""
    missing = docker_engine.what_is_missing()
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"the Docker provider cannot be tested, and in CI it must be: {missing}")
    if missing:
        pytest.skip(f"THE DOCKER PROVIDER IS NOT TESTED: {missing}")
    engine = docker_engine.Engine()
    yield engine
    left = [c["Config"]["Labels"] for c in engine.containers()]
    engine.stop()
    assert not left, f"containers were left: {left}"


@pytest.fixture(scope="session")
def start_docker(engine):
    """start_docker(*options) returns a ready server on the tests' Engine; all of them are stopped in the end, and must stop cleanly."""
    servers = []

    def start(*options, **more):
        servers.append(harness.Server("--provider", "docker", "--docker-host", engine.host, *options, **more))
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
def servers(start_docker):
    """One server a profile, started when first asked for."""
    started = {}

    def get(profile):
        if profile not in started:
            started[profile] = start_docker("--profile", profile, "--slots", "4")
        return started[profile]

    return get


@pytest.fixture(params=["hardened", "original"])
def profile(request):
    return request.param


@pytest.fixture
def docker(servers, profile):
    return servers(profile)
