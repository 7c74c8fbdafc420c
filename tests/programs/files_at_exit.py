# SPDX-License-Identifier: Apache-2.0
# Files that nobody closed are flushed; a warning for them is not shown.
import atexit
import os

f = open("left.txt", "w")
f.write("text " * 10)
keep = [open("other.txt", "wb", buffering=1 << 16)]
keep[0].write(b"x" * 70000)
print(os.path.getsize("left.txt"), os.path.getsize("other.txt"))
os.write(1, b"past the buffer\n")
pid = os.fork()
if pid == 0:
    os.execv("/bin/sh", ["sh", "-c", "sleep 0.3; wc -c < left.txt; wc -c < other.txt"])
atexit.register(os.waitpid, pid, 0)
atexit.register(f.flush)
atexit.register(keep[0].flush)
