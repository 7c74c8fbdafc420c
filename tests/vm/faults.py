# SPDX-License-Identifier: Apache-2.0
"""What a machine may lack: doctor's sentence for each, the same from the server, and nothing weaker started."""

import contextlib
import pathlib
import shutil

from machine import SAFEXEC, Server, call, check, nothing_is_left, show
from places import check_answer, ok, run_doctor


def check_refusal(*words, launcher=()):
    """doctor and serve say it, with status 3, and nothing is there afterwards."""
    run_doctor(3, "MISS", *words, launcher=launcher)
    text = call(*launcher, SAFEXEC, "serve", "--listen", "127.0.0.1:0", status=3)
    show(text)
    assert "Listening" not in text and any(all(word in line for word in words) for line in text.splitlines()), text
    nothing_is_left()


@contextlib.contextmanager
def setting(path, value):
    before = pathlib.Path(path).read_text()
    pathlib.Path(path).write_text(value)
    try:
        yield
    finally:
        pathlib.Path(path).write_text(before)


def check_no_user_namespaces():
    with setting("/proc/sys/user/max_user_namespaces", "0"):
        check_refusal("user namespaces are switched off")


def check_user_namespaces_for_root_only():
    """It is root that makes the sandboxes, so all is as ever."""
    with setting("/proc/sys/kernel/unprivileged_userns_clone", "0"):
        run_doctor(0, "ok    a cell")
        server = Server()
        check_answer(server, {"code": "print(1)"}, ok("1\n"))
        server.stop()
        nothing_is_left()


def check_no_python():
    hidden = pathlib.Path("/usr/bin/python3")
    target = pathlib.Path("/usr/bin") / hidden.readlink()
    away = pathlib.Path("/usr/bin/not-here")
    shutil.move(target, away)
    try:
        check_refusal("/usr/bin/python3")
    finally:
        shutil.move(away, target)


def check_faults():
    with check("fault: no user namespaces at all"):
        check_no_user_namespaces()
    with check("fault: none for ordinary users"):
        check_user_namespaces_for_root_only()
    for tasks in (12, 60):
        with check(f"fault: TasksMax={tasks}"):
            launcher = ("systemd-run", "-q", "--wait", "--pipe", "-p", "Delegate=yes", "-p", f"TasksMax={tasks}")
            check_refusal("TasksMax", launcher=launcher)
    with check("fault: no python3"):
        check_no_python()


def check_kernel_without(controller):
    with check(f"doctor and serve name the missing {controller} controller"):
        check_refusal(f"{controller} controller")
