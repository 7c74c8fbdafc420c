# SPDX-License-Identifier: Apache-2.0
# Files in /app: text, bytes, append, seek, rename, stat, permissions, links, encodings.
import os
import stat

with open("a.txt", "w", encoding="utf-8") as f:
    f.write("première\nzweite\n")
with open("a.txt", "a") as f:
    f.write("third\n")
with open("a.txt") as f:
    print(f.readlines(), f.tell())
with open("a.txt", "rb+") as f:
    f.seek(-3, os.SEEK_END)
    f.write(b"RD")
    f.truncate()
print(open("a.txt").read().split(), os.path.getsize("a.txt"))
os.chmod("a.txt", 0o640)
os.symlink("a.txt", "s")
os.link("a.txt", "h")
print(oct(stat.S_IMODE(os.stat("a.txt").st_mode)), os.readlink("s"), os.stat("h").st_nlink, os.path.islink("s"))
os.utime("a.txt", (1000, 2000))
print(os.stat("a.txt").st_mtime, os.stat("a.txt").st_uid == os.getuid())
os.replace("h", "b.txt")
print(sorted(os.listdir()), [e.name for e in sorted(os.scandir(), key=str) if e.is_symlink()])
os.remove("s")
os.mkfifo("fifo")
print(stat.S_ISFIFO(os.stat("fifo").st_mode))
try:
    open("missing/file", "w")
except FileNotFoundError as e:
    print(e)
open("/usr/bin/python3", "rb").read(4) == b"\x7fELF" and print("binaries can be read")
