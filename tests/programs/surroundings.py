# SPDX-License-Identifier: Apache-2.0
# Environment, folder, user, descriptors.
import getpass
import grp
import os
import pwd
import stat
import sys

print({name: os.environ.get(name) for name in ("PATH", "LANG", "HOME")}, os.path.expanduser("~"))
me = pwd.getpwuid(os.getuid())
print(bool(getpass.getuser()), me.pw_uid == os.getuid(), bool(grp.getgrgid(os.getgid()).gr_name), pwd.getpwnam("root").pw_uid)
print(os.getcwd(), os.listdir(), os.path.abspath("x"), os.access(".", os.W_OK), os.access("/tmp", os.W_OK))
print(sorted(int(n) for n in os.listdir("/proc/self/fd"))[:3], stat.S_ISFIFO(os.fstat(1).st_mode), os.get_blocking(1), os.getpgrp() > 0)
print(open(sys.argv[0]).readline().strip(), os.stat("script.py").st_size > 100)
print(os.ttyname(0) if os.isatty(0) else "no terminal", oct(os.umask(0o22)))
