# SPDX-License-Identifier: Apache-2.0
"""Files: of the host, of the environment, of other runs, of the kernel."""

from .attack import Attack

GONE = '("ENOENT",)'


def _listing(path):
    name = "list" + path.replace("/", "_")
    return Attack(name, f"see what the host keeps in {path}", "root", f'judge({GONE}, found=attempt(os.listdir, "{path}"))')


def _reading(name, path, wants, wanted=GONE):
    return Attack(name, wants, "root", f'judge({wanted}, found=attempt(lambda: open("{path}", "rb").read(64)))')


def _no_device(name):
    return Attack(
        "open_dev_" + name.replace("/", "_"),
        f"use the driver behind /dev/{name}",
        "root",
        f'judge({GONE}, opened=attempt(os.open, "/dev/{name}", 0), writing=attempt(os.open, "/dev/{name}", 2))',
    )


def _no_proc(name, wants):
    return Attack(
        "proc_" + name.replace("/", "_"),
        wants,
        "proc mount (subset=pid)",
        f'judge({GONE}, opened=attempt(os.open, "/proc/{name}", 0), writing=attempt(os.open, "/proc/{name}", 1))',
    )


ATTACKS = [
    _reading("read_etc_shadow", "/etc/shadow", "the host's password hashes"),
    _reading("read_bait_in_var_tmp", "@BAIT@", "a file of the host that everybody may read"),
    _reading("read_source_of_the_server", "@SOURCE@", "the server's own source"),
    _reading("read_binary_of_the_server", "@BINARY@", "the server's own program"),
    _reading("read_docker_socket_folder", "/var/run/docker.sock", "the container engine of the host"),
    *[
        _listing(path)
        for path in ("/root", "/home", "/var", "/srv", "/opt", "/mnt", "/media", "/boot", "/sys", "/sys/fs/cgroup", "/lost+found")
    ],
    Attack(
        "walk_above_the_root",
        "leave the root by ..",
        "root",
        """
        judge(("ENOENT",), file=attempt(open, "/app/" + "../" * 20 + "etc/shadow"), bait=attempt(open, "../" * 20 + "@BAIT@"))
    """,
    ),
    Attack(
        "list_the_root",
        "find anything but the environment in /",
        "root",
        """
        known = {"app", "bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "tmp", "usr"}
        judge((set(),), unknown=set(os.listdir("/")) - known, in_run=set(os.listdir("/run")) - {"canary", "safexec"},
              in_usr_local=set(os.listdir("/usr/local")))
    """,
    ),
    Attack(
        "etc_is_synthetic",
        "learn the host's users, hosts and settings from /etc",
        "root",
        """
        users = [line.split(":")[0] for line in open("/etc/passwd")]
        secret = {"shadow", "gshadow", "sudoers", "ssh", "crontab", "fstab", "machine-id", "environment"} & set(os.listdir("/etc"))
        private = attempt(os.listdir, "/etc/ssl/private")
        judge((set(), True, "ENOENT"), users=set(users) - {"root", "nobody", "runner"}, secret=secret, private=private,
              not_the_hosts="@HOSTNAME@" not in open("/etc/hosts").read())
    """,
    ),
    Attack(
        "landlock_canary",
        "open what the root still shows and no rule names",
        "landlock",
        """
        # Its mode lets everybody read it: only Landlock says no.
        judge(("EACCES", True), opened=attempt(open, "/run/canary"), there=os.path.exists("/run/canary"))
    """,
    ),
    Attack(
        "symlink_to_the_host",
        "a link in /app that a privileged process follows",
        "root",
        """
        os.symlink("/etc/shadow", "a")
        os.symlink("/proc/1/root/etc/shadow", "b")
        os.symlink("@BAIT@", "c")
        os.symlink("/proc/self/root/../../@BAIT@", "d")
        judge(("ENOENT", "EACCES"), *[attempt(open, name) for name in "abcd"])
    """,
    ),
    Attack(
        "hard_link_of_a_binary",
        "keep a way to the host's file under one's own name",
        "root",
        """
        # EXDEV: another mount; EACCES: Landlock's answer to a link from outside the scratch space.
        fd = os.open("/usr/bin/python3", os.O_PATH)
        by_fd = attempt(os.link, f"/proc/self/fd/{fd}", "y", follow_symlinks=True)
        judge(("EXDEV", "EACCES"), by_name=attempt(os.link, "/usr/bin/env", "x"), by_fd=by_fd)
    """,
    ),
    Attack(
        "make_files_in_the_environment",
        "leave something behind for later runs",
        "root",
        """
        places = "/ /usr /usr/bin /usr/lib/python3 /usr/local /etc /etc/ssl /run /dev /bin /etc/alternatives".split()
        judge(("EROFS",), **{p: attempt(os.mkdir, p.rstrip("/") + "/left-behind") for p in places})
    """,
    ),
    Attack(
        "change_files_of_the_environment",
        "change, remove or rename the interpreter and its library",
        "root",
        """
        target = os.path.realpath(os.__file__)
        judge(("EROFS", "EACCES"), write=attempt(os.open, target, os.O_RDWR),
              append=attempt(os.open, target, os.O_WRONLY | os.O_APPEND), truncate=attempt(os.truncate, target, 0),
              etc=attempt(open, "/etc/passwd", "a"), hosts=attempt(open, "/etc/hosts", "w"))
    """,
    ),
    Attack(
        "change_names_of_the_environment",
        "as above, by the calls that only touch names and modes",
        "root",
        """
        target = os.path.realpath(sys.executable)
        # EROFS comes before any question of rights: the mount itself says no.
        judge(("EROFS",), unlink=attempt(os.unlink, target), chmod=attempt(os.chmod, target, 0o4777),
              chown=attempt(os.chown, target, 0, 0), utime=attempt(os.utime, target),
              xattr=attempt(os.setxattr, target, "user.x", b"1"), rmdir=attempt(os.rmdir, "/run"))
    """,
    ),
    Attack(
        "overwrite_proc_self_exe",
        "write the interpreter through its magic link (runc CVE-2019-5736)",
        "root",
        """
        fd = os.open("/proc/self/exe", os.O_PATH)
        first = "-".join(part.lstrip("0") for part in open("/proc/self/maps").readline().split()[0].split("-"))
        # Not ETXTBSY, which would go away with the process; EPERM: map_files wants a capability.
        judge(("EACCES", "EROFS", "EPERM"), write=attempt(os.open, "/proc/self/exe", os.O_WRONLY),
              through_fd=attempt(os.open, f"/proc/self/fd/{fd}", os.O_WRONLY),
              library=attempt(os.open, "/proc/self/map_files/" + first, os.O_WRONLY))
    """,
    ),
    Attack(
        "mounts_are_nosuid_nodev",
        "bring in a setuid file or a device through a mount",
        "root",
        """
        lines = {line.split()[4]: line.split() for line in open("/proc/self/mountinfo")}.values()  # the last on a place covers the others
        devices = ["/dev/" + name for name in ("null", "zero", "full", "random", "urandom")]
        bad = [(f[4], f[5]) for f in lines if "nosuid" not in f[5] or not ("nodev" in f[5] or f[4] in devices)]
        writable = {f[4] for f in lines if f[5].split(",")[0] == "rw"}
        judge(([], set()), suid_or_dev=bad, writable=writable - {"/app", "/tmp", "/dev/shm"})
    """,
    ),
    Attack(
        "filesystem_kinds",
        "reach sysfs, cgroupfs and release_agent (CVE-2022-0492), debugfs, the host's devices",
        "root",
        """
        import stat
        mounts = {line.split()[4]: line.split(" - ")[1].split()[0] for line in open("/proc/self/mountinfo")}
        kinds = {kind for place, kind in mounts.items() if place[:5] != "/dev/" or not stat.S_ISCHR(os.stat(place).st_mode)}
        bad = "sysfs cgroup cgroup2 debugfs tracefs securityfs bpf mqueue devpts devtmpfs configfs pstore fusectl binfmt_misc autofs"
        agents = [d for top in ("/proc/self", "/dev", "/run", "/etc") for d, _, files in os.walk(top) if "release_agent" in files]
        judge((set(), []), kinds=kinds & set(bad.split()), agents=agents)
    """,
    ),
    Attack(
        "mountinfo_names_nothing_of_the_host",
        "learn paths of the host",
        "root",
        """
        text = open("/proc/self/mountinfo").read() + open("/proc/self/mounts").read()
        judge((False,), build="@BINARY@" in text, bait="@BAIT@" in text, old_root="/oldroot" in text or "/.old" in text)
    """,
    ),
    Attack(
        "list_dev",
        "find a device that is more than a stream of bytes",
        "root",
        """
        known = {"null", "zero", "full", "random", "urandom", "shm", "fd", "stdin", "stdout", "stderr"}
        judge((set(),), unknown=set(os.listdir("/dev")) - known)
    """,
    ),
    *[
        _no_device(name)
        for name in (
            "mem",
            "kmsg",
            "kvm",
            "ptmx",
            "tty",
            "fuse",
            "net/tun",
            "vsock",
            "loop-control",
            "vda",
            "sda",
            "nvme0n1",
            "vhost-net",
            "dri/card0",
        )
    ],
    Attack(
        "device_ioctl",
        "reach a driver's ioctls through the devices that are there",
        "capabilities",
        """
        import fcntl
        fd = os.open("/dev/urandom", os.O_RDONLY)
        judge(("EPERM", "EACCES"), clear_entropy=attempt(fcntl.ioctl, fd, 0x5206),
              add=attempt(fcntl.ioctl, fd, 0x40045201, b"\\0" * 4))
    """,
    ),
    Attack(
        "mknod_devices",
        "make the node of the host's disk or memory",
        "seccomp",
        """
        import stat
        nodes = ((stat.S_IFBLK, 8, 0), (stat.S_IFBLK, 254, 0), (stat.S_IFCHR, 1, 1), (stat.S_IFCHR, 1, 11))  # disks, mem, kmsg
        got = {f"{d}_{a}_{b}": attempt(os.mknod, f"{d}/{a}_{b}", kind | 0o666, os.makedev(a, b))
               for d in ("/app", "/tmp", "/dev/shm") for kind, a, b in nodes}
        # Character device 0:0 may be made by anybody (overlayfs' whiteout): here the filter alone says no.
        judge(("EPERM",), whiteout=attempt(os.mknod, "/app/w", stat.S_IFCHR, 0),
              high_bits=call(133, b"/app/h", stat.S_IFBLK | 1 << 32, 0x800),
              at=call(259, -100, b"/app/i", stat.S_IFBLK | 1 << 32, 0x800), **got)
    """,
    ),
    Attack(
        "setuid_file_of_ones_own",
        "a setuid or setgid copy of a shell, file capabilities",
        "no_new_privs",
        """
        import shutil
        shutil.copy("/usr/bin/env", "e")
        os.chmod("e", 0o6755)
        flags = os.statvfs("/app").f_flag
        import subprocess
        ids = subprocess.check_output(["./e", "id", "-u"], text=True).strip()
        judge((True, "EPERM"), same=ids == str(os.getuid()), nosuid=bool(flags & os.ST_NOSUID),
              capability=attempt(os.setxattr, "e", "security.capability", bytes.fromhex("0100000200200000" + "00" * 12)))
    """,
    ),
    Attack(
        "setuid_programs_of_the_environment",
        "become root through su, mount, passwd and the like",
        "no_new_privs",
        """
        import glob, stat, subprocess
        suid = [f for f in glob.glob("/usr/*bin/*") if os.path.isfile(f) and os.stat(f).st_mode & stat.S_ISUID]
        status = dict(map(str.strip, line.split(":", 1)) for line in open("/proc/self/status"))
        got = {"nnp": status["NoNewPrivs"].strip() == "1"}
        for f in suid:
            got[f] = bool(os.statvfs(f).f_flag & os.ST_NOSUID)
        p = subprocess.run(["su", "-c", "id -u"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        judge((True,), su_failed=p.returncode != 0 and "0" not in p.stdout.split(), **got)
    """,
    ),
    *[
        _no_proc(name, wants)
        for name, wants in (
            ("kcore", "the kernel's memory"),
            ("kallsyms", "where the kernel's functions are"),
            ("keys", "keys of others"),
            ("timer_list", "kernel addresses"),
            ("config.gz", "how the kernel was built"),
            ("cmdline", "how the host was started"),
            ("kmsg", "the kernel's log"),
            ("iomem", "physical memory's layout"),
            ("sysrq-trigger", "crash or restart the host"),
            ("modules", "which drivers are there"),
            ("interrupts", "timing of others' keys and packets"),
            ("slabinfo", "the kernel's heap"),
            ("sys/kernel/core_pattern", "have the host run a program of ours at a crash"),
            ("sys/kernel/modprobe", "have the kernel run a program of ours"),
            ("sys/vm/overcommit_memory", "change how the host hands out memory"),
            ("sys/kernel/random/boot_id", "tell one host from another"),
            ("loadavg", "watch what others do"),
            ("pressure/cpu", "watch how others wait for a CPU"),
            ("pressure/memory", "watch how others wait for memory"),
            ("pressure/io", "watch how others wait for the disk"),
            ("stat", "watch what others do, tick by tick"),
            ("vmstat", "watch the memory of others"),
            ("meminfo", "watch the memory of others"),
            ("diskstats", "watch what others read"),
            ("locks", "who holds which lock on the host"),
            ("sysvipc/shm", "who shares memory"),
            ("sys/kernel/ns_last_pid", "choose the next pid, count others' processes"),
            ("sys/kernel/random/uuid", "the kernel's settings"),
            ("sys/kernel/hostname", "another name for the host"),
            ("sched_debug", "every task of the host"),
            ("kpagecount", "whose pages are shared"),
            ("softirqs", "timing of others' packets"),
            ("cgroups", "how many runs there are"),
            ("net", "the network's tables"),
        )
    ],
    Attack(
        "proc_self_writes",
        "write into /proc of one's own",
        "root",
        """
        judge(("EROFS", "EACCES", "EPERM", "ENOENT"), uid_map=attempt(os.open, "/proc/self/uid_map", 1),
              setgroups=attempt(os.open, "/proc/self/setgroups", 1), attr=attempt(os.open, "/proc/self/attr/current", 1),
              mem=attempt(os.open, "/proc/self/mem", 2), timens=attempt(os.open, "/proc/self/timens_offsets", 1))
    """,
    ),
    Attack(
        "oom_score_lowered",
        "have the kernel kill somebody else when memory ends",
        "proc mount (read-only)",
        """
        def lower(pid):
            with open(f"/proc/{pid}/oom_score_adj", "w") as f:
                f.write("-1000")
        judge(("EROFS", "EACCES", "ENOENT", "EPERM"), own=attempt(lower, "self"), init=attempt(lower, 1))
    """,
    ),
    Attack(
        "files_of_an_earlier_run",
        "read what an earlier run in the same slot left",
        "scratch is dropped",
        """
        import glob
        found = []
        for d in ("/app", "/tmp", "/dev/shm"):
            found += filter(os.path.isfile, glob.glob(d + "/**", recursive=True) + glob.glob(d + "/.*"))
        judge((["/app/script.py"],), files=found)
    """,
        before="""
        for d in ("/app", "/tmp", "/dev/shm"):
            open(d + "/left", "w").write("secret")
            open(d + "/.hidden", "w").write("secret")
    """,
    ),
    Attack(
        "files_of_another_run",
        "read or change what a run beside has in /app, /tmp, /dev/shm",
        "mount namespace",
        """
        import glob
        seen = [f for d in ("/app", "/tmp", "/dev/shm") for f in glob.glob(d + "/**", recursive=True) if os.path.isfile(f)]
        other = [attempt(open, f"{d}/neighbour-secret") for d in ("/app", "/tmp", "/dev/shm")]
        judge((["/app/script.py"], ["ENOENT"] * 3), seen=seen, other=other)
    """,
        neighbour=True,
    ),
    Attack(
        "read_only_writes",
        "write in spite of read_only",
        "read-only scratch",
        """
        got = {}
        for d in ("/app", "/tmp"):
            got.update({d + "w": attempt(open, d + "/x", "w"), d + "d": attempt(os.mkdir, d + "/y"),
                        d + "l": attempt(os.symlink, "a", d + "/l"), d + "n": attempt(os.mknod, d + "/n")})
        again = attempt(open, "/proc/self/root/app/x", "w"), attempt(open, "/proc/self/cwd/x", "w")
        judge(("EROFS", ("EROFS", "EROFS")), again=again, script=attempt(open, __file__, "a"),
              chmod=attempt(os.chmod, __file__, 0o777), unlink=attempt(os.unlink, __file__), **got)
    """,
        read_only=True,
    ),
    Attack(
        "read_only_remount",
        "make it writable again",
        "seccomp",
        """
        MS_REMOUNT, MS_BIND = 32, 4096
        judge(("EPERM",), remount=call(165, b"none", b"/app", b"tmpfs", MS_REMOUNT | MS_BIND, 0),
              attr=call(442, -100, b"/app", 0, 0, 0), cover=call(165, b"/dev/shm", b"/app", 0, MS_BIND, 0))
    """,
        read_only=True,
    ),
]
