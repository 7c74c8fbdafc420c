# SPDX-License-Identifier: Apache-2.0
"""The kernel's calls: those that namespaces do not cover, those that make namespaces, other ways into the kernel.

Numbers are those of x86_64. Arguments are such that a call which does get through changes nothing.
"""

from .attack import Attack

BAD = -4096  # a pointer that cannot be one: what copies first says EFAULT before it asks for a right

# name, number, arguments, what it would give
_REFUSED = [
    ("ptrace_traceme", 101, (0, 0, 0, 0), "be steered by, and steer, other processes"),
    ("ptrace_seize_init", 101, (0x4206, 1, 0, 0), "steer the cell's init"),
    ("process_vm_readv", 310, ("os.getpid()", 0, 0, 0, 0, 0), "the memory of other processes"),
    ("process_vm_writev", 311, ("os.getpid()", 0, 0, 0, 0, 0), "the memory of other processes"),
    ("kcmp", 312, ("os.getpid()", "os.getpid()", 0, 0, 0), "the kernel's pointers, compared"),
    ("pidfd_getfd", 438, ("os.pidfd_open(os.getpid())", 0, 0), "descriptors of other processes"),
    ("process_madvise", 440, ("os.pidfd_open(os.getpid())", 0, 0, 20, 0), "pages of other processes"),
    ("move_pages", 279, ("os.getpid()", 0, 0, 0, 0, 0), "where pages of others lie"),
    ("migrate_pages", 256, ("os.getpid()", 1, 0, 0), "pages of others"),
    ("seccomp_call", 317, (2, 0, "ctypes.byref(ctypes.c_uint32(0x7fff0000))"), "user-notify filters"),
    ("keyctl", 250, (0, -3, 0), "keys of the session keyring, which no namespace covers"),
    ("add_key", 248, ('b"user"', 'b"k"', 'b"v"', 1, -2), "a place shared with other runs"),
    ("request_key", 249, ('b"user"', 'b"k"', 0, -2), "have the host run request-key"),
    ("bpf_load", 321, (5, 0, 0), "a program in the kernel"),
    ("bpf_map", 321, (0, BAD, 72), "memory in the kernel"),
    ("perf_event_open", 298, (0, 0, -1, -1, 0), "timing of others, and holes"),
    ("userfaultfd", 323, (1,), "stop the kernel in the middle of a copy"),
    ("io_uring_setup", 425, (1, 0), "calls that no filter sees"),
    ("io_uring_enter", 426, (-1, 0, 0, 0, 0, 0), "calls that no filter sees"),
    ("io_uring_register", 427, (-1, 0, 0, 0), "calls that no filter sees"),
    ("personality", 135, (0x0040000,), "addresses without randomness"),
    ("modify_ldt", 154, (0, 0, 0), "rarely used kernel code"),
    ("iopl", 172, (3,), "the machine's ports"),
    ("ioperm", 173, (0x80, 1, 1), "the machine's ports"),
    ("fanotify_init", 300, (0x200, 0), "what others open"),
    ("fanotify_mark", 301, (-1, 1, 0, -1, 0), "what others open"),
    (
        "name_to_handle_at",
        303,
        (-100, 'b"/usr"', "ctypes.create_string_buffer(b'\\x80' + bytes(200))", "ctypes.byref(ctypes.c_int())", 0),
        "a handle that goes around paths",
    ),
    ("open_by_handle_at", 304, (-100, BAD, 0), "files by handle, wherever they are (the Docker escape of 2014)"),
    ("mount", 165, (BAD, BAD, BAD, 0, 0), "a new meaning for a path"),
    ("umount2", 166, (BAD, 2), "what a mount hides"),
    ("pivot_root", 155, (BAD, BAD), "another root"),
    ("chroot", 161, (BAD,), "another root, and the classic way out of one"),
    ("open_tree", 428, (-100, 'b"/usr"', 0), "the mount API"),
    ("move_mount", 429, (-1, BAD, -1, BAD, 0), "the mount API"),
    ("fsopen", 430, (BAD, 0), "the mount API (CVE-2022-0185)"),
    ("fsconfig", 431, (-1, 0, 0, 0, 0), "the mount API"),
    ("fsmount", 432, (-1, 0, 0), "the mount API"),
    ("fspick", 433, (-100, BAD, 0), "the mount API"),
    ("mount_setattr", 442, (-100, 'b"/app"', 0, BAD, 32), "a writable root"),
    ("kexec_load", 246, (0, 0, BAD, 0), "another kernel"),
    ("kexec_file_load", 320, (-1, -1, 0, 0, 0), "another kernel"),
    ("init_module", 175, (BAD, 0, BAD), "code in the kernel"),
    ("finit_module", 313, (-1, BAD, 0), "code in the kernel"),
    ("delete_module", 176, (BAD, 0), "drivers gone"),
    ("reboot", 169, (0, 0, 0, 0), "the machine stopped"),
    ("swapon", 167, (BAD, 0), "a swap file of ours"),
    ("swapoff", 168, (BAD,), "no swap for others"),
    ("quotactl", 179, (0x800007 << 8, 0, 0, 0), "the quotas of others"),
    ("quotactl_fd", 443, (-1, 0, 0, 0), "the quotas of others"),
    ("acct", 163, (BAD,), "what others start"),
    ("syslog", 103, (10, 0, 0), "the kernel's log"),
    ("vhangup", 153, (), "terminals of others"),
    ("sethostname", 170, (BAD, 1), "another name for the host"),
    ("setdomainname", 171, (BAD, 1), "another name for the host"),
    ("settimeofday", 164, (BAD, 0), "another time for everybody"),
    ("clock_settime", 227, (0, BAD), "another time for everybody"),
    ("adjtimex", 159, (BAD,), "a clock that drifts"),
    ("clock_adjtime", 305, (0, BAD), "a clock that drifts"),
    ("sync", 162, (), "have the whole machine write its disks, again and again"),
    ("syncfs", 306, ('os.open("/usr", 0)',), "the same, of the host's disk by a folder that both see"),
    ("lookup_dcookie", 212, (1, 0, 0), "paths of others"),
    ("setns_own_user", 308, ('os.open("/proc/self/ns/user", 0)', 0), "another namespace"),
    ("setns_of_init", 308, ("os.pidfd_open(1)", 0x20000000), "another namespace"),
]

# These need a capability before anything else is looked at: two layers say EPERM, and the answer does not tell which.
_CAPABLE = set(
    "ptrace_seize_init bpf_load pivot_root move_mount fsopen fsmount fspick mount_setattr reboot swapon swapoff acct syslog vhangup "
    "sethostname setdomainname setns_of_init".split()
)

# Calls that the filter does not know, as one that will be new tomorrow: ENOSYS, whatever the kernel has.
_UNKNOWN = [
    ("memfd_secret", 447, (0,)),
    ("process_mrelease", 448, (-1, 0)),
    ("cachestat", 451, (0, 0, 0, 0)),
    ("map_shadow_stack", 453, (0, 0, 0)),
    ("statmount", 457, (BAD, BAD, 0, 0)),
    ("listmount", 458, (BAD, BAD, 0, 0)),
    ("lsm_set_self_attr", 460, (100, BAD, 0, 0)),
    ("ustat", 136, (0, BAD)),
    ("sysfs", 139, (3,)),
    ("io_setup", 206, (1, BAD)),
    ("io_submit", 209, (BAD, 1, BAD)),
    ("vmsplice", 278, (-1, 0, 0, 0)),
    ("tee", 276, (-1, -1, 1, 0)),
    ("remap_file_pages", 216, (0, 0, 0, 0, 0)),
    ("mbind", 237, (0, 0, 99, 0, 0, 0)),
    ("set_mempolicy", 238, (99, 0, 0)),
    ("pkey_mprotect", 329, (1, 1, 0, 5)),
    ("clone3", 435, (BAD, 88)),
    ("of_tomorrow", 499, ()),
]

# Calls that some kernels are built without.
_MAYBE_MISSING = "map_shadow_stack of_tomorrow io_setup io_submit mbind set_mempolicy pkey_mprotect".split()

_NAMESPACES = [
    ("user", 1 << 28),
    ("mount", 1 << 17),
    ("pid", 1 << 29),
    ("net", 1 << 30),
    ("ipc", 1 << 27),
    ("uts", 1 << 26),
    ("cgroup", 1 << 25),
    ("time", 1 << 7),
]

# Where the program may be killed instead of answered, a child of it tries.
_IN_A_CHILD = """
    import mmap
    def in_child(f):
        pid = os.fork()
        if pid == 0:
            os._exit(1 if f() > 0 else 0)  # 1: the kernel has answered with our pid
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    def machine_code(text):
        page = mmap.mmap(-1, 4096, prot=7)
        page.write(bytes.fromhex(text))
        f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
        return lambda: f()
"""

ATTACKS = [
    *[
        Attack(
            "call_" + name,
            wants,
            "seccomp and capabilities" if name in _CAPABLE else "seccomp",
            f'judge(("EPERM",), {name}=call({number}, {", ".join(map(str, args))}))',
        )
        for name, number, args, wants in _REFUSED
    ],
    *[
        Attack(
            "call_" + name,
            "what newer or forgotten kernel code may give",
            "seccomp and an older kernel" if name in _MAYBE_MISSING else "seccomp",
            f'judge(("ENOSYS",), {name}=call({number}, {", ".join(map(str, args))}))',
        )
        for name, number, args in _UNKNOWN
    ],
    *[
        Attack(
            "unshare_" + name,
            f"every right inside a new {name} namespace",
            "seccomp",
            f'judge(("EPERM",), plain=call(272, {flag}), high_bits=call(272, {flag} | 1 << 32), with_user=call(272, {flag} | 1 << 28))',
        )
        for name, flag in _NAMESPACES
    ],
    *[
        Attack(
            "clone_" + name,
            f"every right inside a new {name} namespace",
            "seccomp",
            f"""
        def clone(flags):
            result = call(56, flags | 17, 0, 0, 0, 0)
            if result == 0:
                libc._exit(0)  # the child: the attack has worked
            return result
        judge(("EPERM",), plain=clone({flag}), high_bits=clone({flag} | 1 << 32), with_vfork=clone({flag} | 0x4100),
              with_user=clone({flag} | 1 << 28))
    """,
        )
        for name, flag in _NAMESPACES
        if name != "time"
    ],
    Attack(
        "clone_of_libc",
        "a new namespace through libc's own functions",
        "seccomp",
        """
        def unshare(flag):
            return errno.errorcode[ctypes.get_errno()] if libc.unshare(flag) else 0
        judge(("EPERM",), user=unshare(1 << 28), mount=unshare(1 << 17))
    """,
    ),
    Attack(
        "i386_entry",
        "calls that a filter for x86_64 takes for others",
        "seccomp, or a kernel without it",
        _IN_A_CHILD
        + """
    # mov eax, 20 (getpid of i386); int 0x80; ret. A kernel without i386 answers SIGSEGV, which is as good.
    judge((-11, -31, 0), int80=in_child(machine_code("b814000000cd80c3")))
    """,
    ),
    Attack(
        "x32_entry",
        "calls by their x32 numbers, which a filter may not know",
        "seccomp, or a kernel without it",
        _IN_A_CHILD
        + """
    judge((-31, 0), getpid=in_child(lambda: libc.syscall(ctypes.c_long(0x40000000 | 39))),
          ptrace=in_child(lambda: 1 if libc.syscall(ctypes.c_long(0x40000000 | 521), 0, 0, 0, 0) == 0 else 0))
    """,
    ),
    Attack(
        "call_number_with_high_bits",
        "a number that a filter compares in full and the kernel in part",
        "seccomp",
        """
        # The kernel looks at 32 bits of rax: 1 << 32 | 101 is ptrace.
        judge(("EPERM", "ENOSYS"), ptrace=call(101 | 1 << 32, 0, 0, 0, 0), userfaultfd=call(323 | 1 << 32, 1), negative=call(-1))
    """,
    ),
    Attack(
        "terminal_injection",
        "type into the terminal of whoever started the server",
        "seccomp",
        """
        # ENOTTY would be the driver's answer: the filter speaks first.
        judge(("EPERM",), sti=call(16, 0, 0x5412, b"x"), linux=call(16, 0, 0x541c, b"x"),
              sti_high=call(16, 0, 0x5412 | 1 << 32, b"x"), linux_high=call(16, 1, 0x541c | 1 << 33, b"x"))
    """,
    ),
    Attack(
        "namespace_ioctls",
        "a descriptor of the namespace above",
        "user namespace",
        """
        import fcntl
        NS_GET_USERNS, NS_GET_PARENT = 0xb701, 0xb702
        got = {name: attempt(fcntl.ioctl, os.open(f"/proc/self/ns/{name}", 0), NS_GET_PARENT) for name in ("pid", "user")}
        judge(("EPERM",), **got)
    """,
    ),
    Attack(
        "seccomp_by_prctl",
        "take the filter off, or dumpability and memory map changed with rights",
        "seccomp cannot be undone",
        """
        status = dict(map(str.strip, line.split(":", 1)) for line in open("/proc/self/status"))
        judge(("2", -1, True), mode=status["Seccomp"], off=libc.prctl(22, 0, 0, 0, 0), strict_off=libc.prctl(22, 3, 0, 0, 0),
              two_filters=int(status.get("Seccomp_filters", 2)) >= 2)
    """,
    ),
    Attack(
        "allowed_calls_still_work",
        "the allowed corners of the kernel bite only the run itself",
        "seccomp (list)",
        """
        # Calls on the list stay usable, so that good code survives: what is refused above is not refused by refusing everything.
        r, w = os.pipe()
        judge((True,), splice=os.splice(os.open(__file__, 0), w, 10) == 10, memfd=os.memfd_create("x") > 0,
              eventfd=os.eventfd(1) > 0, pidfd=os.pidfd_open(os.getpid()) > 0)
    """,
    ),
]
