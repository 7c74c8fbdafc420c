# SPDX-License-Identifier: Apache-2.0
"""The table of tests/attacks in hardened containers: one attack of each layer, or with SAFEXEC_ATTACKS=all (`make attacks-docker`) every one.
What stops an attack here may be another layer than on the native provider; what is not stopped here and is there, says why."""

import concurrent.futures
import contextlib
import os
import pathlib
import sys
import textwrap

import harness
import pytest

sys.path.append(str(pathlib.Path(harness.ROOT, "tests/attacks")))
import cases  # noqa: E402
import scene  # noqa: E402
import test_attacks as native  # noqa: E402

AT_ONCE = 3  # a container takes half a second of a CPU

OWN_USER = "process 1 is of the run's user, and /proc shows it; it cannot be killed, traced or limited from within, but slowed down"
NO_LANDLOCK = "an Engine has no Landlock; what is not mounted is not there"

# name: how the answer begins here, and why. An answer as on the native provider is as good.
DIFFERENT = {
    "pids_beyond_the_cell": ("ESCAPED {'found': {1: None}}", OWN_USER),
    "proc_shows_the_cell_alone": ("ESCAPED {'others': {1}}", OWN_USER),
    "disk_filler": (("Disk limit of 16 MiB reached.", "ESCAPED {'within': False}"),
                    "each folder is a filesystem of its own; process 1 adds them up 20 times a second, and a quick program has ended by then"),
    "read_etc_shadow": ("ESCAPED {'found': 'EACCES'}", "the image has such a file of its own, for its root alone"),
    "cgroup_paths": ("ESCAPED {'paths': {'/docker/", "on version 1 an Engine makes no cgroup namespace; the path is the container's own"),
    "names_of_the_host": ("ESCAPED {'name': ", "a container is named by its id"),
    "environment_of_the_server": ("ESCAPED {'unknown': {'HOSTNAME'}}", "the Engine sets it, to the container's id"),
    "seccomp_by_prctl": ("ESCAPED {'two_filters': False}", "an Engine loads one filter, made of the same table"),
    "landlock_canary": ("ESCAPED {'opened': 'ENOENT'", NO_LANDLOCK),
    "inode_filler": (("Disk limit of 16 MiB reached.", "ESCAPED {"), "as disk_filler"),
    "numbers_of_processes": ("ESCAPED {'me': ", "process 1 and the Engine's runtime have used some, the same in each container"),
    "identity_of_the_boot": ("ESCAPED {'stat': ''}", "/proc/stat is covered by an empty file"),
    "open_dev_tty": ("ESCAPED {'opened': 'ENXIO'", "the device is there; there is no terminal behind it"),
    "netlink_families": ("ESCAPED {'high': 'EPERM'", "refused, with the Engine's own errno"),
    "rare_ip_protocols": ("ESCAPED {'0': 'EPERM'", "refused, with the Engine's own errno"),
    "proc_self_writes": ("ESCAPED {'uid_map': ", "its own /proc is writable as everywhere; nothing in there gives it more"),
}
GROUPS = [
    ("ESCAPED {'opened': ", "covered by an empty file or folder, or a terminal of its own: it opens, and there is nothing in it",
     "open_dev_ptmx proc_kallsyms proc_keys proc_timer_list proc_config.gz proc_cmdline proc_kmsg proc_iomem proc_interrupts proc_slabinfo "
     "proc_loadavg proc_stat proc_vmstat proc_meminfo proc_diskstats proc_locks proc_kpagecount proc_softirqs proc_cgroups proc_net"),
    ("ESCAPED {'found': ", "the root is the image's, read-only, with folders as every Debian has them",
     "list_root list_home list_var list_srv list_opt list_mnt list_media list_boot list_sys"),
    ("ESCAPED {", "the same: more names than in our own root, none of the host's",
     "walk_above_the_root list_the_root etc_is_synthetic make_files_in_the_environment mounts_are_nosuid_nodev filesystem_kinds list_dev"),
    ("ESCAPED {'", "refused with EPERM, where the table says ENOSYS: an Engine of 20.10 knows no other default",
     "call_process_mrelease call_ustat call_sysfs call_io_setup call_io_submit call_vmsplice call_tee call_remap_file_pages call_mbind "
     "call_set_mempolicy call_pkey_mprotect"),
    ("ESCAPED {", OWN_USER, "priorities_of_init kill_the_init parent_outside neighbour_in_proc signals_by_pidfd"),
]
DIFFERENT.update({name: (beginning, why) for beginning, why, names in GROUPS for name in names.split()})


def chosen():
    if os.environ.get("SAFEXEC_ATTACKS") == "all":
        return cases.ATTACKS
    quick = [a for a in cases.ATTACKS if not a.is_slow and not a.neighbour and not a.before]
    return list({a.layer: a for a in reversed(quick)}.values())


def attempt(server, names, attack):
    """The attack's answer and its mark."""
    mark = scene.new_mark()
    if attack.before:
        assert server.run(textwrap.dedent(attack.before))["success"]
    with scene.neighbour(server) if attack.neighbour else contextlib.nullcontext():
        return server.run(attack.text(**names, MARK=mark), read_only=attack.read_only, timeout=90), mark


@pytest.fixture(scope="module")
def answers(servers):
    server = servers("hardened")
    with scene.baits(server) as names, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        asked = {a.name: pool.submit(attempt, server, names, a) for a in chosen()}
        yield {name: answer.result() for name, answer in asked.items()}


@pytest.mark.parametrize("attack", chosen(), ids=lambda a: a.name)
def test_attack_is_stopped_in_a_container_too(answers, attack):
    answer, mark = answers[attack.name]
    if native.is_blocked(answer) and not attack.expect:
        pass  # also what is documented as open on the native provider
    elif attack.name in DIFFERENT:
        beginning, why = DIFFERENT[attack.name]
        said = answer["output"] or answer.get("error", "")
        assert said.startswith(beginning), f"not as it was known to be ({why}): {said!r}"
    else:
        native.check_answer(attack, answer)
    harness.wait_until(lambda: not harness.processes_with(mark), 5, f"no process of the run is left: {harness.processes_with(mark)}")
