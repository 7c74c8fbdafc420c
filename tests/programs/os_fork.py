# SPDX-License-Identifier: Apache-2.0
# fork, pipe, wait statuses, exec, environment for a child.
import os
import sys

r, w = os.pipe()
pid = os.fork()
if pid == 0:
    os.close(r)
    os.write(w, b"from the child")
    os._exit(17)
os.close(w)
print(os.read(r, 100))
done, status = os.waitpid(pid, 0)
print(done == pid, os.waitstatus_to_exitcode(status))
pid = os.fork()
if pid == 0:
    os.kill(os.getpid(), 15)
print(os.waitstatus_to_exitcode(os.wait()[1]))
sys.stdout.flush()
print(os.spawnve(os.P_WAIT, "/bin/sh", ["sh", "-c", "echo $FRUIT; exit 2"], {"FRUIT": "pear"}))
try:
    os.waitpid(-1, 0)
except ChildProcessError as e:
    print(e)
sys.stdout.flush()
os.execvp("echo", ["echo", "replaced by echo"])
