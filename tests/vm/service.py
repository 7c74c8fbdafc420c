# SPDX-License-Identifier: Apache-2.0
"""The Debian package and its unit: installed, started, reloaded, watched, removed without a trace."""

import json
import os
import pathlib
import re
import threading
import time

from machine import HERE, LEAVE_S, START_S, ask, call, check, cgroups, nothing_is_left, processes, show, wait_until

PORT = 5000
UNIT = "safexec.service"
OWN = pathlib.Path("/sys/fs/cgroup/system.slice") / UNIT
FOUR = {"success": True, "output": "4\n"}
DROP_IN = pathlib.Path(f"/run/systemd/system/{UNIT}.d/test.conf")
LEFT = ["/etc/safexec", "/var/lib/safexec", "/run/safexec", "/usr/libexec/safexec", "/usr/bin/safexec", "/usr/share/doc/safexec"]


def package():
    (found,) = HERE.glob("safexec_*.deb")
    return str(found)


def properties(*names):
    text = call("systemctl", "show", UNIT, *(f"--property={name}" for name in names))
    return dict(line.partition("=")[::2] for line in text.splitlines())


def journal():
    """The unit's lines: what the programs wrote, each with its fields."""
    text = call("journalctl", "-u", UNIT, "-o", "json", "--no-pager")
    return [line for line in map(json.loads, text.splitlines()) if line.get("_SYSTEMD_UNIT") == UNIT]


def install(installer):
    call(*installer, package(), seconds=10, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    assert properties("ActiveState", "UnitFileState") == {"ActiveState": "active", "UnitFileState": "enabled"}


def use_drop_in(text):
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.write_text(text)
    call("systemctl", "daemon-reload")


def drop_drop_in():
    DROP_IN.unlink(missing_ok=True)
    call("systemctl", "daemon-reload")


def start():
    call("systemctl", "reset-failed", UNIT, status=None)
    call("systemctl", "start", UNIT)


def stop():
    call("systemctl", "stop", UNIT)
    assert properties("Result", "ActiveState") == {"Result": "success", "ActiveState": "inactive"}
    nothing_is_left()


def check_confinement():
    """What the unit promises, read back from the processes."""
    for pid, comm in processes().items():
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        assert re.search(r"^NoNewPrivs:\t1$", status, re.M) and re.search(r"^Seccomp:\t2$", status, re.M), f"{comm}: {status}"
        if comm in ("safexec", "safexec-warden") and "\t1\n" not in status.partition("NSpid:")[2]:
            bounding = int(re.search(r"^CapBnd:\t(\w+)$", status, re.M)[1], 16)
            assert bin(bounding).count("1") <= 7, f"{comm}: {bounding:x}"
    own = [int(pid) for pid in (OWN / "safexec-default.main/cgroup.procs").read_text().split()]
    (warden,) = [pid for pid in own if processes().get(pid) == "safexec-warden"]
    assert not (OWN / "cgroup.procs").read_text(), "a cgroup with controllers for its children holds no process"
    mounts = pathlib.Path(f"/proc/{warden}/mountinfo").read_text()
    assert re.search(r" / / ro,", mounts), "the root is read-only"


def check_figures():
    figure = call("systemd-analyze", "security", UNIT, "--no-pager").splitlines()[-1]
    front = call("systemd-analyze", "security", "--offline=true", str(HERE / "front.service"), "--no-pager").splitlines()[-1]
    show(f"{figure}\n{front}")
    assert float(re.search(r": ([\d.]+) ", figure)[1]) <= 5.0 and float(re.search(r": ([\d.]+) ", front)[1]) <= 1.5


def check_journal():
    lines = journal()
    assert {line["SYSLOG_IDENTIFIER"] for line in lines} == {"safexec"}
    (ready,) = [line for line in lines if "ready on" in line["MESSAGE"]]
    assert ready["PRIORITY"] == "6" and ready["_COMM"] == "safexecd" and not ready["MESSAGE"].startswith("<")


def check_reload():
    """A run that began before goes on, the next ones come from new processes, and the main process is the same."""
    answers = []
    run = threading.Thread(target=lambda: answers.append(ask(PORT, {"code": "import time; time.sleep(6); print(4)"})))
    before = properties("MainPID"), {pid for pid, comm in processes().items() if comm in ("safexec-warden", "safexecd")}
    run.start()
    wait_until(lambda: any(path.read_text().strip() for path in OWN.glob("safexec-default/slot-*/cgroup.procs")), START_S, "a cell")
    time.sleep(1)  # until the run has its cell; if it has not, the new front answers it
    call("systemctl", "reload", UNIT)
    assert ask(PORT, {"code": "print(2+2)"}) == FOUR
    run.join()
    wait_until(lambda: not before[1] & set(processes()), 2, "what served before has ended")
    assert answers == [FOUR] and properties("MainPID") == before[0]
    assert properties("ActiveState", "StatusText") == {"ActiveState": "active", "StatusText": f"Serves on 127.0.0.1:{PORT}"}


def check_unit():
    with check("package: installed, the service runs"):
        install(["dpkg", "-i"])
    with check("service: a program runs"):
        assert ask(PORT, {"code": "print(2+2)"}) == FOUR
    with check("service: confined as the unit says, in its own cgroup"):
        check_confinement()
    with check("service: systemd-analyze security"):
        check_figures()
    with check("service: fields of the journal"):
        check_journal()
    with check("service: a reload loses no run"):
        check_reload()


def check_purge():
    with check("package: purge leaves no user, file, cgroup, unit, process"):
        call("dpkg", "--purge", "safexec", seconds=10)
        wait_until(lambda: not processes(), LEAVE_S, "its processes are gone")
        left = [path for path in LEFT if os.path.lexists(path)] + cgroups()
        left += [line for line in call("systemctl", "list-unit-files", "--no-pager").splitlines() if "safexec" in line]
        left += [line for name in ("passwd", "group") for line in pathlib.Path(f"/etc/{name}").read_text().splitlines() if "safexec" in line]
        left += call("find", "/etc", "/usr", "/var", "-xdev", "-name", "*safexec*", "-not", "-path", "/var/log/*").split()
        assert not left, left
