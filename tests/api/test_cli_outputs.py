# SPDX-License-Identifier: Apache-2.0
"""`safexec run --output`: files that come back are saved where they were asked for, and nowhere else."""
import os

import pytest
from test_cli_run import run, script, stub, verdict  # noqa: F401 fixtures


def back(path, content="new", encoding="utf-8"):
    return {"path": path, "size": 3, "content": content, "encoding": encoding}


def answer(stub, *files, **more):
    stub.say({"event": "stdout", "data": "out\n"}, verdict(files=list(files), files_truncated=False, **more))


@pytest.fixture
def folder(tmp_path):
    """Where they are saved; beside it lies what must not be touched."""
    (tmp_path / "beside").write_text("mine")
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def all_files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


def test_files_are_asked_for_and_saved_with_their_folders(stub, script, folder):
    answer(stub, back("a.csv"), back("out/deep/b.bin", "/wA=", "base64"), back("out/empty", ""))
    result = run(stub, "--output", "*.csv", "--output", "out/**", "--output-dir", str(folder), script)
    assert (result.returncode, result.stdout) == (0, "out\n")
    assert result.stderr == "safexec run: saved a.csv\nsafexec run: saved out/deep/b.bin\nsafexec run: saved out/empty\n"
    assert all_files(folder) == {"a.csv": b"new", "out/deep/b.bin": b"\xff\x00", "out/empty": b""}
    assert b'"outputs":["*.csv","out/**"]' in stub.request[2]


def test_without_output_nothing_is_saved_whatever_comes(stub, script, folder):
    answer(stub, back("a.csv"))
    result = run(stub, script, cwd=folder)
    assert (result.returncode, all_files(folder.parent)) == (125, {"beside": b"mine", "x.py": b"print('\xe2\x86\x92')\n"})


HOSTILE = ["../beside", "/etc/x", "a/../../beside", "./a", "a//b", "a/", "", ".", "..", "a/.", "a/./b", "a\nb", "a\x1b[2J", "a\x9bm", "a\x7f", "a\0b",
           "x" * 256, "a/" * 260 + "b", ".bashrc", "sub/.git/hooks"]


@pytest.mark.parametrize("path", HOSTILE, ids=repr)
def test_a_name_that_is_none_is_not_saved(stub, script, folder, path):
    answer(stub, back(path), back("good"))
    result = run(stub, "--output", "**", "--output", "*", "--output-dir", str(folder), script)
    assert (result.returncode, all_files(folder)) == (125, {"good": b"new"})
    assert "was not saved" in result.stderr and all(c >= " " or c == "\n" for c in result.stderr)
    assert (folder.parent / "beside").read_text() == "mine" and not os.path.exists("/etc/x")


@pytest.mark.parametrize("file", [back("b.txt"), {"path": 7}, {}, 7, None, {"path": "a.csv"}, back("a.csv", None, None), back("a.csv", "?", "base64")], ids=repr)
def test_what_was_not_asked_for_or_is_no_file_is_said(stub, script, folder, file):
    answer(stub, file)
    result = run(stub, "--output", "*.csv", "--output-dir", str(folder), script)
    assert (result.returncode, result.stdout, all_files(folder)) == (125, "out\n", {})
    assert result.stderr.startswith("safexec run: ") and result.stderr.count("\n") == 1


def test_what_is_there_is_kept_unless_it_may_be_replaced(stub, script, folder):
    (folder / "a").write_text("old")
    os.link(folder / "a", folder / "other-name")
    answer(stub, back("a"))
    result = run(stub, "--output", "a", "--output-dir", str(folder), script)
    assert (result.returncode, result.stderr) == (125, "safexec run: a is there already and was kept.\n")
    assert (folder / "a").read_text() == "old"
    result = run(stub, "--output", "a", "--output-dir", str(folder), "--replace", script)
    assert (result.returncode, (folder / "a").read_text(), (folder / "other-name").read_text()) == (0, "new", "old")


@pytest.mark.parametrize("options", [[], ["--replace"]], ids=str)
def test_no_link_is_followed(stub, script, folder, options):
    os.symlink("../beside", folder / "file")
    os.symlink("..", folder / "dir")
    os.symlink("nowhere", folder / "dangling")
    answer(stub, back("file"), back("dir/beside"), back("dangling"))
    result = run(stub, "--output", "**", "--output-dir", str(folder), *options, script)
    assert (result.returncode, all_files(folder)) == (125, {})
    assert (folder.parent / "beside").read_text() == "mine" and os.path.islink(folder / "file") and not os.path.exists(folder / "nowhere")


def test_a_program_that_failed_keeps_its_status_and_its_files(stub, script, folder):
    stub.say(verdict("error", 3, files=[back("log")], files_truncated=True))
    result = run(stub, "--output", "log", "--output-dir", str(folder), script)
    assert (result.returncode, all_files(folder)) == (3, {"log": b"new"})
    assert result.stderr == "safexec run: saved log\nsafexec run: There were more files than can come back.\n"


def test_a_folder_that_is_none_is_said(stub, script, folder):
    answer(stub, back("a"))
    result = run(stub, "--output", "a", "--output-dir", str(folder / "none"), script)
    assert (result.returncode, result.stderr) == (125, f"safexec run: Cannot save a in {str(folder / 'none')[:100]}: No such file or directory\n")
