# SPDX-License-Identifier: Apache-2.0
"""Who the program is: ids, capabilities, privileges, limits of its own."""

from .attack import Attack

ATTACKS = [
    Attack(
        "ids",
        "be root, or share an id with the server",
        "identity",
        """
        ids = {*os.getresuid(), *os.getresgid(), *os.getgroups()}
        judge((True,), not_root=0 not in ids, one_id=len(ids) == 1, high=min(ids) > 0)
    """,
    ),
    Attack(
        "capabilities",
        "any capability in any set",
        "capabilities and identity",  # the change of ids empties most of them as well
        """
        status = dict(map(str.strip, line.split(":", 1)) for line in open("/proc/self/status"))
        judge((0,), **{name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")})
    """,
    ),
    Attack(
        "bounding_set",
        "a capability that a program brings along",
        "bounding set",
        """
        status = dict(map(str.strip, line.split(":", 1)) for line in open("/proc/self/status"))
        judge((0,), bounding=int(status["CapBnd"], 16), by_prctl=sum(libc.prctl(23, n, 0, 0, 0) > 0 for n in range(64)))
    """,
    ),
    Attack(
        "no_new_privs",
        "gain rights by exec",
        "no_new_privs",
        """
        status = dict(map(str.strip, line.split(":", 1)) for line in open("/proc/self/status"))
        judge(("1", -1), now=status["NoNewPrivs"], off=libc.prctl(38, 0, 0, 0, 0))
    """,
    ),
    Attack(
        "become_root",
        "set ids to 0 or to a neighbour's",
        "capabilities",
        """
        me = os.getuid()
        judge(("EPERM",), setuid=attempt(os.setuid, 0), setgid=attempt(os.setgid, 0), seteuid=attempt(os.seteuid, 0),
              setresuid=attempt(os.setresuid, 0, 0, 0), setresgid=attempt(os.setresgid, 0, 0, 0),
              neighbour=attempt(os.setuid, me + 1), below=attempt(os.setuid, me - 1))
    """,
    ),
    Attack(
        "setgroups",
        "join or leave groups",
        "capabilities",
        """
        judge(("EPERM",), join=attempt(os.setgroups, [0]), leave=attempt(os.setgroups, []), init=attempt(os.initgroups, "root", 0))
    """,
    ),
    Attack(
        "setfsuid",
        "file rights of another id",
        "capabilities",
        """
        libc.setfsuid(0)
        libc.setfsgid(0)
        judge((True,), uid=libc.setfsuid(-1) == os.getuid(), gid=libc.setfsgid(-1) == os.getgid())
    """,
    ),
    Attack(
        "capset_and_ambient",
        "raise a capability, an ambient one, a secure bit",
        "capabilities",
        """
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        data = (ctypes.c_uint32 * 6)(*[0xffffffff] * 6)
        data2 = (ctypes.c_uint32 * 6)(0, 0, 1, 0, 0, 0)
        PR_CAP_AMBIENT, PR_SET_SECUREBITS = 47, 28
        judge(("EPERM",), all=call(126, header, data), inheritable=call(126, header, data2),
              ambient=call(157, PR_CAP_AMBIENT, 2, 21, 0, 0), securebits=call(157, PR_SET_SECUREBITS, 0x2f, 0, 0, 0),
              bounding=call(157, 24, 21, 0, 0, 0))
    """,
    ),
    Attack(
        "prctl_mm",
        "a false name and memory map for its own process",
        "capabilities",
        """
        # EINVAL and EPERM: nothing of PR_SET_MM works without a capability but the whole map at once, which only concerns itself.
        judge(("EPERM",), brk=call(157, 35, 7, 4096, 0, 0), exe=call(157, 35, 13, 0, 0, 0))
    """,
    ),
    Attack(
        "prlimit_raised",
        "more than the limits give",
        "rlimits",
        """
        import resource
        names = ("NOFILE", "CORE", "MEMLOCK", "MSGQUEUE", "NICE", "RTPRIO", "FSIZE")
        got = {}
        for name in names:
            which = getattr(resource, "RLIMIT_" + name)
            hard = resource.getrlimit(which)[1]
            def raise_it():
                resource.setrlimit(which, (hard, hard + 1))
            try:
                got[name] = "unlimited" if hard == resource.RLIM_INFINITY else raise_it()
            except ValueError:
                got[name] = "EPERM"
        judge(("EPERM",), **got)
    """,
    ),
    Attack(
        "prlimit_of_init",
        "starve the cell's init of descriptors or CPU time",
        "init's own id",
        """
        import resource
        judge(("EPERM", "ESRCH"), nofile=attempt(resource.prlimit, 1, resource.RLIMIT_NOFILE, (0, 0)),
              cpu=attempt(resource.prlimit, 1, resource.RLIMIT_CPU, (0, 0)))
    """,
    ),
    Attack(
        "core_dumps",
        "a core file, or the host's crash handler run on memory of ours",
        "rlimits",
        """
        import resource, subprocess
        pid = os.fork()
        if pid == 0:
            os.kill(os.getpid(), 11)
        status = os.waitpid(pid, 0)[1]
        # 1 byte, not 0: with a core_pattern that begins with "|" the kernel ignores 0 and honours 1, see core(5).
        judge((False, (1, 1), ["script.py"]), dumped=os.WCOREDUMP(status), files=os.listdir("/app"),
              limit=resource.getrlimit(resource.RLIMIT_CORE))
    """,
    ),
    Attack(
        "scheduling",
        "real-time priority, a better nice value, real-time I/O",
        "capabilities",
        """
        def nice(n):
            return os.setpriority(os.PRIO_PROCESS, 0, n)
        judge(("EPERM", "EACCES"), fifo=attempt(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1)),
              rr=attempt(os.sched_setscheduler, 0, os.SCHED_RR, os.sched_param(99)), nice=attempt(nice, -1),
              io=call(251, 1, 0, 1 << 13 | 0),
              deadline=call(314, 0, (ctypes.c_uint32 * 12)(48, 6, 0, 0, 0, 0, 10**7, 0, 10**8, 0, 10**8, 0), 0))
    """,
    ),
    Attack(
        "priorities_of_init",
        "slow the cell's init down",
        "init's own id",
        """
        judge(("EPERM", "ESRCH", "EACCES"), nice=attempt(os.setpriority, os.PRIO_PROCESS, 1, 19),
              idle=attempt(os.sched_setscheduler, 1, os.SCHED_IDLE, os.sched_param(0)), cpus=attempt(os.sched_setaffinity, 1, {0}))
    """,
    ),
    Attack(
        "mlock_and_queues",
        "memory that the kernel cannot take back",
        "rlimits, lower than the host's",
        """
        MiB = 1 << 20
        m = ctypes.create_string_buffer(8 * MiB)
        judge(("ENOMEM", "EPERM", "EAGAIN"), mlock=call(149, m, 8 * MiB), mlockall=call(151, 3))
    """,
    ),
]
