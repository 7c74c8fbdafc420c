# SPDX-License-Identifier: Apache-2.0
"""The filters that hold a live guest, as the kernel gives them back, are those of the table: not one call more."""

import re

import harness
import reach


def calls_of_the_table():
    """Names that syscalls.def allows, and those of them with conditions."""
    text = re.sub(r"/\*.*?\*/", "", (harness.ROOT / "src/spec/syscalls.def").read_text(), flags=re.S)
    allowed = set(re.findall(r"\bALLOW(?:_IF)?\((\w+)", text)) | {"socket"}
    conditional = set(re.findall(r"\b(?:ALLOW|REFUSE)_IF\((\w+)", text)) | {"socket"}
    return allowed, conditional


def test_a_guest_reaches_what_the_table_allows_and_no_other_call(server):
    names = reach.call_names()
    filters = reach.guest_filters(server)
    assert len(filters) == 2
    kinds = reach.reach(filters, [*names, *range(max(names) + 1, 1024)])
    names.update({n: f"call {n}" for n in kinds if n not in names})
    allowed, conditional = calls_of_the_table()
    told = {"getpgrp"}  # with the mark of src/cell/filter.h it tells of the end
    assert set(reach.names_of(kinds, "free", names)) == allowed - conditional - told
    assert set(reach.names_of(kinds, "conditional", names)) == (conditional & allowed) | told


def test_doctor_and_the_papers_say_how_many_calls_that_are(server):
    allowed, conditional = calls_of_the_table()
    said = harness.read_text(harness.ROOT / "SECURITY.md").replace("\n", " ")
    assert f"a run reaches {len(allowed)} ({len(conditional & allowed)} of them with some arguments only)" in said


def test_other_entries_and_x32_numbers_reach_nothing(server):
    filters = reach.guest_filters(server)
    for arch, bit in ((0x40000003, 0), (reach.ARCH_X86_64, 0x40000000), (0xC00000B7, 0)):
        for number in range(600):
            assert any(reach.ALLOW not in reach.answers(program, number | bit, arch) for program in filters), (hex(arch), number)
