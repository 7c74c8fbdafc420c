# SPDX-License-Identifier: Apache-2.0
"""People who have logged in: a session of login(1) on a terminal, as logind and PAM make it. As a program, `logins.py USER WORD ...`: what
the words print in such a session, and their status."""

import os
import pathlib
import pty
import re
import shlex
import sys

from machine import HERE, SAFEXEC, START_S, Server, call, check, nothing_is_left, show
from places import SMALL_TABLE, check_server

BEGIN, END = "@@begin", "@@status "


def launcher(user):
    return ["/usr/bin/python3", str(HERE / "logins.py"), user]


def run_in_session(user, words):
    """Types the words into a new session's shell, and says what comes between two lines of our own."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv("/bin/login", ["login", "-f", user])
    line = f"stty -echo -onlcr; echo '@@'begin; {shlex.join(words)}; echo '@@'status $?; exit\n"
    os.write(terminal, line.encode())
    is_begun, text = False, b""
    while True:
        try:
            got = os.read(terminal, 4096)
        except OSError:  # EIO: the session is over
            return 125
        if not got:
            return 125
        text += got
        *lines, text = text.split(b"\n")
        for line in (line.decode().rstrip("\r") for line in lines):
            last, is_end, status = line.partition(END)
            if is_begun and (last or not is_end):
                print(last, flush=True)
            if is_end:
                os.waitpid(pid, 0)
                return int(status)
            is_begun = is_begun or line.endswith(BEGIN)  # a prompt may stand before it


def in_session(user, *words, status=0):
    return call(*launcher(user), *words, status=status, seconds=3 * START_S)


def check_session(user):
    """The session is a real one: it has a number, and a scope of its own below the user's slice."""
    text = in_session(user, "sh", "-c", "cat /proc/self/cgroup; loginctl show-session $XDG_SESSION_ID -p Name -p Type -p Class")
    show(text)
    uid = pathlib.Path(f"/home/{user}").stat().st_uid if user != "root" else 0
    assert re.search(rf"^0::/user.slice/user-{uid}.slice/session-\w+.scope$", text, re.M) and f"Name={user}" in text and "Class=user" in text


def check_logins():
    for user in ("root", "tester"):
        with check(f"a login session of {user}"):
            check_session(user)
    scope = ["systemd-run", "-q", "--scope", "-p", "Delegate=yes"]
    check_server("in a scope, from root's login shell", [*launcher("root"), *scope], SMALL_TABLE, 5)
    check_server("root's login shell as it is", launcher("root"), SMALL_TABLE[:1], 1)
    with check("an ordinary user's login shell: told that it takes root, with a scope of its own and without"):
        for words in ([], ["systemd-run", "--user", "-q", "--scope", "-p", "Delegate=yes"]):
            for command in (["doctor"], ["serve", "--listen", "127.0.0.1:0"]):
                text = in_session("tester", *words, SAFEXEC, *command, status=3)
                assert "needs root" in text and "Listening" not in text, text
                nothing_is_left()
    with check("an ordinary user's login shell: runs a program on root's server"):
        server = Server()
        program = f"echo 'print(2+2)' | {SAFEXEC} run --server 127.0.0.1:{server.port} -"
        text = in_session("tester", "sh", "-c", f"{program} 2>/dev/null")  # on a terminal it tells the time there
        server.stop()
        nothing_is_left()
        assert text == "4\n", repr(text)


if __name__ == "__main__":
    sys.exit(run_in_session(sys.argv[1], sys.argv[2:]))
