# SPDX-License-Identifier: Apache-2.0
"""The second package, with all that it needs, by apt from the repository on the fourth disk; and numpy, pandas and matplotlib in a run."""

import base64
import http.client
import json
import os
import pathlib
import subprocess

import service
import sizes
from machine import HERE, SLOW, START_S, ask, call, check, wait_aloud, wait_until

PROGRAM = """
import sys
print("numpy" in sys.modules, "pandas" in sys.modules, "matplotlib.pyplot" in sys.modules)
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
a = np.arange(12.0).reshape(3, 4)
print(np.linalg.matrix_rank(a), round(float(np.linalg.norm(a @ a.T)), 3))
frame = pd.DataFrame({"who": ["a", "b", "a"], "n": [1, 2, 3]})
print(frame.groupby("who")["n"].sum().to_dict())
plt.plot([1, 2, 3])
plt.savefig("figure.png")
"""
PRINTED = "True True True\n2 502.191\n{'a': 4, 'b': 2}\n"
CONFIG = "[server]\nslots = 2\n[environment science]\nmemory_bytes = 536870912\n[limits-max]\nwall_ms = 600000\n"


def packages():
    return [str(path) for path in sorted(HERE.glob("safexec*.deb"))]


def install():
    """As on a machine that has nothing of it: apt finds the rest."""
    repository = pathlib.Path("/run/repository")
    repository.mkdir()
    call("mount", "-o", "ro", "/dev/nvme0n4", repository)
    for path in pathlib.Path("/etc/apt").glob("sources.list*/*"):
        path.unlink()
    pathlib.Path("/etc/apt/sources.list").write_text(f"deb [trusted=yes] file:{repository} ./\n")
    call("apt-get", "-q", "update")
    command = ["apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0", "install", *packages()]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with open(HERE.parent / "out" / "apt.txt", "w") as log:
        installer = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        assert wait_aloud(installer, 60) == 0
    assert service.properties("ActiveState") == {"ActiveState": "active"}


def environments():
    connection = http.client.HTTPConnection("127.0.0.1", service.PORT, timeout=START_S * SLOW)
    connection.request("GET", "/v1/environments")
    return {e["name"]: e for e in json.loads(connection.getresponse().read())["environments"]}


def is_ready():
    try:
        return environments()["science"]["ready"] > 0
    except (OSError, KeyError, http.client.HTTPException):
        return False


def run(body):
    connection = http.client.HTTPConnection("127.0.0.1", service.PORT, timeout=30 * SLOW)
    connection.request("POST", "/v1/runs", json.dumps(body), {"Content-Type": "application/json"})
    return json.loads(connection.getresponse().read())


def check_program():
    answer = run({"code": PROGRAM, "environment": "science", "outputs": ["*.png"], "limits": {"wall_ms": 300000}})
    assert (answer.get("stdout"), answer.get("stderr"), answer.get("verdict")) == (PRINTED, "", "ok"), answer
    (figure,) = answer["files"]
    assert figure["path"] == "figure.png" and base64.b64decode(figure["content"]).startswith(b"\x89PNG\r\n"), figure


def check_science():
    with check("packages: safexec and safexec-science installed with apt, which finds what they need"):
        install()
    with check("science: the environment comes with a reload"):
        pathlib.Path("/etc/safexec/safexec.conf").write_text(CONFIG)
        call("systemctl", "reload", service.UNIT)
        wait_until(is_ready, 10, "a cell of science")
    with check("science: numpy, pandas and matplotlib, in memory before the program begins"):
        check_program()
    with check("science: base is as it was"):
        assert ask(service.PORT, {"code": "import sys; print('numpy' in sys.modules)"}) == {"success": True, "output": "False\n"}
    with check("service: stops and leaves nothing"):
        service.stop()
    sizes.check_environment("science")
    with check("package: purge of the science package"):
        call("dpkg", "--purge", "safexec-science", seconds=10)
    service.check_purge()
