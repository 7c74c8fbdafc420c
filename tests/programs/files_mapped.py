# SPDX-License-Identifier: Apache-2.0
# mmap of a file, anonymous and shared with a child; fcntl locks; memfd; sendfile; pread.
import fcntl
import mmap
import os

with open("data", "wb+") as f:
    f.write(b"0" * 8192)
    f.flush()
    with mmap.mmap(f.fileno(), 0) as m:
        m[10:15] = b"hello"
        print(m.find(b"hello"), m.size())
    print(os.pread(f.fileno(), 7, 9))
    fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
shared = mmap.mmap(-1, 4096)
if os.fork() == 0:
    shared[:5] = b"child"
    os._exit(0)
os.wait()
print(shared[:5])
fd = os.memfd_create("m")
os.write(fd, b"in memory")
out = os.open("copy", os.O_WRONLY | os.O_CREAT)
print(os.sendfile(out, fd, 0, 100), open("copy").read(), os.posix_fallocate(out, 0, 4096), os.path.getsize("copy"))
