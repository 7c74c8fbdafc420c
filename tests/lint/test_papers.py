# SPDX-License-Identifier: Apache-2.0
"""The papers name tests and numbers: each must exist."""

import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAPERS = ["SPECIFICATION.md", "SECURITY.md", "ARCHITECTURE.md", *(f"docs/decisions/{p.name}" for p in (ROOT / "docs/decisions").glob("0*.md"))]
UNITS = {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}


def attack_names():
    sys.path.insert(0, str(ROOT / "tests/attacks"))
    import cases

    return {a.name for a in cases.ATTACKS}


def missing_tests(text, attacks):
    for file, name in re.findall(r"`((?:unit|api|attacks|programs|browser|corpora|cpython|docker|lint)/\w+\.(?:py|c))::(\w+)", text):
        path = ROOT / "tests" / file
        if not path.exists() or not re.search(rf"\b{name}\(", path.read_text()):
            yield f"{file}::{name}"
    yield from (f"attacks::{name}" for name in re.findall(r"`attacks::([a-z]\w*)", text) if name not in attacks)
    yield from (
        f"programs::{name}" for name in re.findall(r"`programs::([a-z]\w*)", text) if not (ROOT / f"tests/programs/{name}.py").exists()
    )


@pytest.mark.parametrize("paper", PAPERS)
def test_every_test_that_a_paper_names_exists(paper):
    text = (ROOT / paper).read_text()
    assert list(missing_tests(text, attack_names())) == []
    if paper == "SPECIFICATION.md":
        assert text.count("::") > 100


@pytest.mark.parametrize("paper", PAPERS)
def test_every_file_that_a_paper_names_exists(paper):
    names = re.findall(r"`((?:src|tests|script|api|man|docs)/[\w./-]+\.\w+)`", (ROOT / paper).read_text())
    assert [name for name in names if not (ROOT / name).exists()] == []


def number(text):
    value = 1
    for word in text.split("*"):
        value *= UNITS.get(word.strip()) or int(word)
    return value


def test_the_limits_of_the_specification_are_those_of_the_table():
    rows = re.findall(r'^LIMIT\((\w+),\s*"[^"]*",([^,]+),([^,]+),([^,]+),', (ROOT / "src/spec/limits.def").read_text(), re.M)
    want = {name: (number(default), number(least), number(most)) for name, least, most, default in rows}
    found = re.findall(r"^\| `(\w+)` \| (\d+) \| (\d+) to (\d+) \|", (ROOT / "SPECIFICATION.md").read_text(), re.M)
    assert {name: tuple(map(int, numbers)) for name, *numbers in found} == want


def test_the_preloaded_modules_of_the_specification_are_those_of_the_table():
    modules = re.search(r'#define BASE_PRELOAD "([^"]+)"', (ROOT / "src/spec/environments.def").read_text())[1]
    assert f"`{modules}`" in " ".join((ROOT / "SPECIFICATION.md").read_text().split())
