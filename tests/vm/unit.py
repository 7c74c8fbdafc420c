# SPDX-License-Identifier: Apache-2.0
"""What else the unit promises: reloads that are refused, the watchdog, sockets on a path and the service manager's own, the user and the
folder that come with it, an upgrade in the middle of a run, 200 runs."""

import grp
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import threading
import time

from machine import SAFEXEC, START_S, ask, call, check, processes, show, wait_until
from service import FOUR, PORT, UNIT, drop_drop_in, journal, package, properties, start, stop, use_drop_in

SOCKET = pathlib.Path("/run/safexec/http.sock")


def check_refused_reload():
    pathlib.Path("/etc/safexec/safexec.conf").write_text("[server]\nslotz = 3\n")
    try:
        call("systemctl", "reload", UNIT, status=1)
        (said,) = [line for line in journal() if "safexec.conf:2" in line["MESSAGE"]]
        assert said["SYSLOG_IDENTIFIER"] == "safexec", said
        assert ask(PORT, {"code": "print(2+2)"}) == FOUR
    finally:
        pathlib.Path("/etc/safexec/safexec.conf").write_text("")


def check_watchdog():
    """A front that stands still answers nobody: the service manager starts the server anew."""
    stop()
    use_drop_in("[Service]\nWatchdogSec=40\n")
    start()
    main = properties("MainPID")["MainPID"]
    (front,) = [pid for pid, comm in processes().items() if comm == "safexecd"]
    os.kill(front, signal.SIGSTOP)
    wait_until(lambda: properties("MainPID", "ActiveState") not in ({"MainPID": main, "ActiveState": "active"},), 10, "the watchdog barks")
    wait_until(lambda: properties("ActiveState")["ActiveState"] == "active", 10, "it serves again")
    assert ask(PORT, {"code": "print(2+2)"}) == FOUR and properties("MainPID")["MainPID"] != main
    drop_drop_in()


def check_socket_file():
    assert (SOCKET.stat().st_mode & 0o777, SOCKET.group(), SOCKET.parent.group()) == (0o660, "safexec", "safexec")
    assert call(SAFEXEC, "ping", "--server", f"unix:{SOCKET}") == ""


def check_user_and_folder():
    """sysusers.d and tmpfiles.d: made again when they are gone, the same when they are there."""
    user = pwd.getpwnam("safexec")
    assert (user.pw_shell, user.pw_uid < 1000, grp.getgrgid(user.pw_gid).gr_name) == ("/usr/sbin/nologin", True, "safexec")
    folder = SOCKET.parent
    folder.rmdir()
    for _ in range(2):
        call("systemd-sysusers")
        call("systemd-tmpfiles", "--create", "safexec.conf")
        stat = folder.stat()
        assert (stat.st_mode & 0o7777, stat.st_uid, stat.st_gid) == (0o2750, 0, user.pw_gid)
    assert pwd.getpwnam("safexec") == user


def check_path():
    """As packaging/nginx wants it: the group may connect, nobody else."""
    pathlib.Path("/etc/safexec/safexec.conf").write_text("[server]\nlisten = unix:/run/safexec/http.sock\n")
    try:
        call("systemctl", "restart", UNIT, seconds=5)
        check_socket_file()
        stop()
        assert not SOCKET.exists()
    finally:
        pathlib.Path("/etc/safexec/safexec.conf").write_text("")
    start()


def check_socket_unit():
    """The socket is the service manager's, and the server has no network at all."""
    stop()
    use_drop_in("[Service]\nPrivateNetwork=yes\n")
    try:
        call("systemctl", "start", "safexec.socket")
        assert properties("ActiveState")["ActiveState"] == "inactive", "nobody has asked yet"
        check_socket_file()  # the first request starts the server
        wait_until(lambda: properties("ActiveState")["ActiveState"] == "active", START_S, "it is ready")
        links = call("nsenter", "--net", "--target", properties("MainPID")["MainPID"], "cat", "/proc/net/dev")
        assert [line.split(":")[0].strip() for line in links.splitlines()[2:]] == ["lo"], links
        call("systemctl", "stop", UNIT, "safexec.socket")
    finally:
        drop_drop_in()
        start()


def newer_package():
    """The same once more, as the next version."""
    folder = pathlib.Path("/var/tmp/newer")
    call("dpkg-deb", "--raw-extract", package(), folder)
    control = folder / "DEBIAN/control"
    version = [line for line in control.read_text().splitlines() if line.startswith("Version: ")][0]
    control.write_text(control.read_text().replace(version, version + "+next"))
    call("dpkg-deb", "-Znone", "--build", folder, "/var/tmp/newer.deb")
    shutil.rmtree(folder)
    return "/var/tmp/newer.deb", version.split()[1] + "+next"


def fronts():
    return {pid for pid, comm in processes().items() if comm == "safexecd"}


def check_upgrade():
    """What runs finishes on the old version; the same main process serves as the new one."""
    deb, version = newer_package()
    main, before, ended = properties("MainPID"), fronts(), []

    def run():
        command = [SAFEXEC, "run", "--server", f"127.0.0.1:{PORT}", "--limit", "wall_ms=60000", "-"]
        r = subprocess.run(command, input="import time; time.sleep(40); print(4)", capture_output=True, text=True)
        ended.extend((time.monotonic(), r))

    runner = threading.Thread(target=run)
    runner.start()
    time.sleep(2)
    call("dpkg", "-i", deb, seconds=10)
    wait_until(lambda: fronts() - before, START_S, "a new front")
    came = time.monotonic()
    assert ask(PORT, {"code": "print(2+2)"}) == FOUR and properties("MainPID") == main
    runner.join()
    assert ended[1].stdout == "4\n" and ended[1].returncode == 0, ended
    show(f"the run of before ended {ended[0] - came:.0f} s after the new front had come")
    wait_until(lambda: any("Reloaded" in line["MESSAGE"] for line in journal()[-5:]), START_S, "what served before has ended")
    assert not before & fronts() and call("dpkg-query", "-W", "-f", "${Version}", "safexec") == version
    os.unlink(deb)


def check_200_runs():
    with check("200 runs"):
        for i in range(200):
            assert ask(PORT, {"code": f"print({i})"}) == {"success": True, "output": f"{i}\n"}


def check_rest_of_unit():
    with check("service: its user and its folder"):
        check_user_and_folder()
    with check("service: a reload with a mistake in the configuration changes nothing, and says where it is"):
        check_refused_reload()
    with check("service: the watchdog"):
        check_watchdog()
    with check("service: listens on a path"):
        check_path()
    with check("service: socket activation, without a network"):
        check_socket_unit()
    with check("package: a new version is taken over by the running server, and what runs finishes"):
        check_upgrade()
