# SPDX-License-Identifier: Apache-2.0
# pathlib, shutil, glob, fnmatch, os.walk.
import fnmatch
import glob
import os
import shutil
from pathlib import Path, PurePosixPath

top = Path("tree")
(top / "a" / "b").mkdir(parents=True)
for i in range(3):
    (top / "a" / f"{i}.txt").write_text(str(i))
(top / "a" / "b" / "deep.dat").write_bytes(b"\0" * 10)
print(sorted(str(p) for p in top.rglob("*")), sorted(glob.glob("tree/**/*.dat", recursive=True)))
shutil.copytree(top, "copy")
shutil.move("copy/a/0.txt", "moved.txt")
print([(r, sorted(d), sorted(f)) for r, d, f in sorted(os.walk("copy"))], shutil.which("sh"))
shutil.rmtree("copy")
print(Path("copy").exists(), Path.cwd(), Path("~").expanduser(), Path("moved.txt").resolve(), PurePosixPath("/a/../b").parts)
print(fnmatch.filter(["a.py", "b.txt"], "*.py"), shutil.disk_usage(".").total > 0, Path("moved.txt").stat().st_size)
