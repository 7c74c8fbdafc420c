# SPDX-License-Identifier: Apache-2.0
"""Files that come back: what the patterns find beneath /app, and nothing else."""
import base64

import pytest
import v1

TREE = """
import os
os.makedirs("a/b")
for path in ("x.txt", "y.bin", "a/x.txt", "a/b/x.txt", "a/b/.hidden"):
    open(path, "w").write(path)
open("raw", "wb").write(bytes(range(256)))
open("empty", "w").close()
"""


def files(answer):
    return {file["path"]: file for file in answer["files"]}


@pytest.mark.parametrize("globs, want", [
    (["x.txt"], {"x.txt"}), (["*.txt"], {"x.txt"}), (["a/*"], {"a/x.txt"}), (["**/x.txt"], {"x.txt", "a/x.txt", "a/b/x.txt"}), (["?.txt", "y*"], {"x.txt", "y.bin"}),
    (["[xy].*"], {"x.txt", "y.bin"}), (["nothing"], set()), ([], set()), (["x.txt", "x.txt", "*.txt"], {"x.txt"}), (["a"], set()), (["script.py"], {"script.py"}),
])
def test_patterns_find_what_they_say(server, globs, want):
    answer = v1.run(server, TREE, outputs=globs)
    assert set(files(answer)) == want and not answer["files_truncated"], answer["files"]


def test_content_is_text_where_it_can_be(server):
    found = files(v1.run(server, TREE, outputs=["raw", "x.txt", "empty"]))
    assert found["x.txt"] == {"path": "x.txt", "size": 5, "content": "x.txt", "encoding": "utf-8"}
    assert found["empty"] == {"path": "empty", "size": 0, "content": "", "encoding": "utf-8"}
    assert (found["raw"]["size"], found["raw"]["encoding"]) == (256, "base64") and base64.b64decode(found["raw"]["content"]) == bytes(range(256))


@pytest.mark.parametrize("make", [
    "os.symlink('/etc/passwd', 'x')", "os.symlink('script.py', 'x')", "os.mkfifo('x')", "os.mkdir('x')", "os.symlink('/etc', 'd')", "os.symlink('/proc/self', 'd')",
])
def test_only_files_come_back_never_what_they_point_to(server, make):
    answer = v1.run(server, f"import os\n{make}", outputs=["x", "d/*", "**/passwd", "**/environ"])
    assert (answer["verdict"], answer["files"]) == ("ok", []), answer


def test_a_file_too_large_is_named_without_its_content(server):
    code = "open('big', 'wb').truncate(200 << 20); open('small', 'w').write('s')"
    found = files(v1.run(server, code, outputs=["*"], limits={"file_bytes": 256 << 20, "disk_bytes": 256 << 20}))
    assert (found["big"]["size"], found["big"]["content"]) == (200 << 20, None) and found["small"]["content"] == "s"


def test_more_files_than_come_back_are_said(server):
    answer = v1.run(server, "for n in range(3000): open(f'f{n}', 'w')", outputs=["f*"])
    assert answer["files_truncated"] and 100 < len(answer["files"]) < 3000


def test_a_name_that_is_not_text_is_replaced(server):
    answer = v1.run(server, "import os; open(b'/app/\\xff.txt', 'w').write('1')", outputs=["*.txt"])
    assert [file["path"] for file in answer["files"]] == ["\ufffd.txt"]


@pytest.mark.parametrize("code, verdict", [("open('x', 'w').write('1'); 1/0", "error"), ("open('x', 'w').write('1'); import time; time.sleep(9)", "timeout")])
def test_a_failed_run_gives_its_files_too(server, code, verdict):
    answer = v1.run(server, code, outputs=["x"], limits={"wall_ms": 500})
    assert answer["verdict"] == verdict and (verdict == "timeout" or files(answer)["x"]["content"] == "1")


def test_a_file_that_was_sent_can_come_back(server):
    answer = v1.run(server, "open('in', 'a').write('!')", files=[{"path": "in", "content": "sent"}], outputs=["in"])
    assert files(answer)["in"]["content"] == "sent!"
