# SPDX-License-Identifier: Apache-2.0
# flock, lockf and POSIX locks between processes; atomic renames, links, times, modes, holes, xattr that may be missing.
import errno
import fcntl
import os
import stat

with open("lock", "w") as f:
    fcntl.flock(f, fcntl.LOCK_EX)
    fcntl.lockf(f, fcntl.LOCK_EX)
    pid = os.fork()
    if pid == 0:
        tries = []
        with open("lock", "w") as g:
            for lock in (fcntl.flock, fcntl.lockf):
                try:
                    lock(g, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    tries.append(b"got")
                except OSError as e:
                    tries.append(errno.errorcode[e.errno].encode())
        os.write(1, b" ".join(tries) + b"\n")
        os._exit(0)
    os.waitpid(pid, 0)
os.symlink("lock", "link")
os.link("lock", "hard")
os.mkfifo("fifo")
print(os.readlink("link"), os.stat("hard").st_nlink, stat.S_ISFIFO(os.stat("fifo").st_mode), os.path.samefile("lock", "link"))
os.chmod("hard", 0o640)
os.utime("hard", ns=(10**18, 10**18 + 5))
print(stat.filemode(os.stat("lock").st_mode), os.stat("lock").st_mtime_ns, os.access("lock", os.X_OK))
with open("sparse", "wb") as f:
    f.seek(1 << 20)
    f.write(b"x")
print(os.stat("sparse").st_size, os.stat("sparse").st_blocks * 512 < 1 << 20, os.pread(os.open("sparse", os.O_RDONLY), 2, 1 << 20))
os.replace("sparse", "moved")
with os.scandir() as entries:
    print(sorted((e.name, e.is_file(), e.is_symlink()) for e in entries))
for call in (lambda: os.rmdir("lock"), lambda: os.unlink("nothing"), lambda: os.mkdir("lock"), lambda: os.listdir("lock"),
             lambda: os.rename("nothing", "x"), lambda: os.open("link", os.O_NOFOLLOW)):
    try:
        print(call())
    except OSError as e:
        print(type(e).__name__, e)
