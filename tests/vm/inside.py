# SPDX-License-Identifier: Apache-2.0
"""Runs in the virtual machine, as root, on nothing but Python: safexec, from its package, on a stock Debian with cgroup version 2
alone. Prints a line a check and ends with 0 when all held. Argument: the variant of the machine."""

import pathlib
import sys

import faults
import machine
import places
import service
import suites
from machine import check


def only_version_2():
    with check("only cgroup version 2 is mounted"):
        mounts = pathlib.Path("/proc/self/mountinfo").read_text()
        assert " - cgroup2 " in mounts and " - cgroup " not in mounts


def default():
    only_version_2()
    service.check_unit()
    with check("service: stops and leaves nothing"):
        service.stop()
    places.check_places()
    suites.check_some_attacks()
    faults.check_faults()
    service.check_purge()


def everything():
    default()
    with check("package: installed with apt"):
        service.install(["apt-get", "install", "-q", "-y"])
    service.check_rest_of_unit()
    with check("service: stops and leaves nothing"):
        service.stop()
    with check("swap"):
        places.check_swap()
    suites.check_suites()
    service.check_purge()


def installed(test):
    with check("package: unpacked"):
        machine.call("dpkg", "-i", service.package(), seconds=10)
        machine.call("systemctl", "stop", service.UNIT)
    test()


def no_landlock():
    with check("doctor says that there is no Landlock"):
        places.run_doctor(0, "note  Landlock", "ok    a cell")
    places.check_server("without Landlock", [], places.SMALL_TABLE, 5)


VARIANTS = {
    "default": default,
    "everything": everything,
    "no-landlock": lambda: installed(no_landlock),
    "no-memory": lambda: installed(lambda: faults.check_kernel_without("memory")),
    "no-pids": lambda: installed(lambda: faults.check_kernel_without("pids")),
}

if __name__ == "__main__":
    VARIANTS[sys.argv[1]]()
    print("all held" if not machine.faults else f"{len(machine.faults)} did not hold")
    sys.exit(bool(machine.faults))
