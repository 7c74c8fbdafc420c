# SPDX-License-Identifier: Apache-2.0
"""The checks themselves: each finds a planted violation, so that their silence means something."""
import subprocess

import pytest

import floors
import symbols


@pytest.fixture
def compile_object(tmp_path):
    def compile_it(text):
        source, target = tmp_path / "planted.c", tmp_path / "planted.o"
        source.write_text(text)
        subprocess.run(["gcc", "-c", "-w", "-o", target, source], check=True)
        return target

    return compile_it


@pytest.mark.parametrize("program", ["safexecd", "safexec"])
@pytest.mark.parametrize("call", ["fork()", "vfork()", "clone(0, 0, 0, 0)", 'mount("", "", "", 0, 0)', "setns(0, 0)", "unshare(0)",
                                  'system("")', 'popen("", "")', "ptrace(0)"])
def test_symbol_check_finds_a_banned_call_in_a_compiled_object(compile_object, program, call):
    planted = compile_object(f"int main(void) {{ {call}; return 0; }}")
    name = call.split("(")[0]
    assert list(symbols.faults(program, symbols.imports(planted), set())) == [
        f"{program} imports {name}, which its row in PROGRAMS bans"]


@pytest.mark.parametrize("call", ['execve("", 0, 0)', 'execlp("", "", 0)', 'posix_spawn(0, "", 0, 0, 0, 0)', 'posix_spawnp(0, "", 0, 0, 0, 0)'])
def test_symbol_check_lets_the_supervisor_start_programs_but_not_the_front(compile_object, call):
    imported = symbols.imports(compile_object(f"int main(void) {{ {call}; return 0; }}"))
    assert list(symbols.faults("safexecd", imported, set()))
    assert not list(symbols.faults("safexec", imported, set()))


def test_symbol_check_finds_a_bare_system_call_without_a_reason(compile_object):
    imported = symbols.imports(compile_object("int main(void) { return syscall(57); }"))
    assert list(symbols.faults("safexec", imported, set()))
    assert not list(symbols.faults("safexecd", imported, set()))


@pytest.mark.parametrize("program, library", [
    ("safexec-warden", "libmicrohttpd.so.12"), ("safexec-warden", "libjansson.so.4"), ("safexec-warden", "libcurl-gnutls.so.4"),
    ("safexec-warden", "libpython3.11.so.1.0"), ("safexecd", "libpython3.11.so.1.0"), ("safexecd", "libcurl-gnutls.so.4"),
    ("safexec", "libmicrohttpd.so.12")])
def test_symbol_check_finds_a_library_that_is_not_listed(program, library):
    assert list(symbols.faults(program, set(), {"libc.so.6", library})) == [
        f"{program} loads {library}, which its row in PROGRAMS does not list"]


def test_symbol_check_is_silent_about_a_harmless_object(compile_object):
    imported = symbols.imports(compile_object('int main(void) { return puts("") + open("", 0); }'))
    assert "puts" in imported
    for program in symbols.PROGRAMS:
        assert not list(symbols.faults(program, imported, {"libc.so.6"}))


FLOOR_CASES = [
    # file, line of code, what the sentence says; None: allowed
    ("base/a.c", '#include "base/fd.h"', None),
    ("base/a.c", "#include <stdio.h>", None),
    ("base/a.c", '#include "spec/limits.h"', "a higher floor"),
    ("spec/a.h", '#include "wire/frame.h"', "its neighbour"),
    ("wire/a.h", '#include "spec/limits.h"', None),
    ("http/a.c", '#include "cell/cell.h"', "its neighbour"),
    ("service/a.c", '#include "http/http.h"', None),
    ("service/a.c", '#include "cell/cell.h"', "cell is never linked into the front"),
    ("service/a.c", '#include "api/api.h"', "a higher floor"),
    ("front/a.c", '#include "warden/warden.h"', "its neighbour"),
    ("warden/a.c", '#include "http/http.h"', "no provider speaks HTTP"),
    ("warden/a.c", '#include "cell/cell.h"', None),
    ("api/a.c", "#include <microhttpd.h>", "belongs to http only"),
    ("warden/a.c", "#include <Python.h>", "belongs to zygote only"),
    ("base/a.c", "\n\n  #  include <Python.h>", "belongs to zygote only"),
    ("front/a.c", "#include <sched.h>", "belongs to"),
    ("extra/a.c", "int a;", "is on no floor"),
    ("cell/a.c", "int x = SECCOMP_USER_NOTIF_FLAG_CONTINUE;", "is never let go on"),
    ("base/a.c", '#include "fd.h"', "is not of the form"),
]


@pytest.mark.parametrize("file, line, sentence", FLOOR_CASES)
def test_floors_check_allows_lower_floors_only(tmp_path, file, line, sentence):
    path = tmp_path / file
    path.parent.mkdir()
    path.write_text(f"/* text */\n{line}\n")
    found = list(floors.faults(tmp_path))
    assert len(found) == (1 if sentence else 0), found
    assert not sentence or sentence in found[0]


def test_floors_check_names_file_and_line(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base/a.c").write_text('#include <stdio.h>\n\n#include "cli/run.h"\n')
    assert list(floors.faults(tmp_path)) == [f"{tmp_path}/base/a.c:3: base (F0) includes a higher floor, cli (F5)"]
