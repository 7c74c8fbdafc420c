# SPDX-License-Identifier: Apache-2.0
"""What the tests of this folder share."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from cli_stage import stage  # noqa: E402 F401 a fixture
from front import Front  # noqa: E402


@pytest.fixture(scope="module")
def front():
    front = Front("--queue", "2", "--queue-ms", "700", "--head-ms", "500", "--body-ms", "500")
    yield front
    code, rest = front.close()
    assert code in (0, 1), rest
    assert "Sanitizer" not in rest


@pytest.fixture
def own():
    """Makes fronts with their own options and ends them."""
    fronts = []

    def make(*options, **more):
        fronts.append(Front(*options, **more))
        return fronts[-1]

    yield make
    for one in fronts:
        one.close()
