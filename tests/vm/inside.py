# SPDX-License-Identifier: Apache-2.0
"""Runs in the virtual machine, as root, on nothing but Python: safexec, from its package, on a stock Debian with cgroup version 2
alone. Prints a line a check and ends with 0 when all held. Argument: the variant of the machine."""

import pathlib
import sys

import clock
import faults
import logins
import machine
import places
import science
import service
import sizes
import suites
import unit
from machine import check


def only_version_2():
    with check("only cgroup version 2 is mounted"):
        mounts = pathlib.Path("/proc/self/mountinfo").read_text()
        assert " - cgroup2 " in mounts and " - cgroup " not in mounts


def stopped():
    with check("service: stops and leaves nothing"):
        service.stop()


def default():
    only_version_2()
    service.check_unit()
    stopped()
    places.check_places()
    with check("the clock is set back and forth under load"):
        clock.check_clock()
    suites.check_some_attacks()
    faults.check_faults()
    service.check_purge()


def whole_unit():
    with check("package: installed with apt"):
        service.install(["apt-get", "install", "-q", "-y"])
    unit.check_200_runs()
    unit.check_rest_of_unit()
    stopped()
    logins.check_logins()
    with check("swap"):
        places.check_swap()
    service.check_purge()


def installed(*tests):
    def variant():
        with check("package: unpacked"):
            machine.call("dpkg", "-i", service.package(), seconds=10)
            machine.call("systemctl", "stop", service.UNIT)
        for test in tests:
            test()

    return variant


def no_landlock():
    with check("doctor says that there is no Landlock"):
        places.run_doctor(0, "note  Landlock", "ok    a cell")
    places.check_server("without Landlock", [], places.SMALL_TABLE, 5)


VARIANTS = {
    "default": default,
    "unit": whole_unit,
    "science": science.check_science,
    "sizes": installed(sizes.check_sizes),
    "attacks": installed(suites.check_attacks),
    "api": installed(suites.check_api),
    "programs": installed(suites.check_programs),
    "no-landlock": installed(no_landlock),
    "no-memory": installed(lambda: faults.check_kernel_without("memory")),
    "no-pids": installed(lambda: faults.check_kernel_without("pids")),
}

if __name__ == "__main__":
    VARIANTS[sys.argv[1]]()
    print("all held" if not machine.faults else f"{len(machine.faults)} did not hold")
    sys.exit(bool(machine.faults))
