# SPDX-License-Identifier: Apache-2.0
"""From run to run: whatever the kernel keeps for all, by which one program could tell another something or watch it. What is not
stopped is `documented`: SECURITY.md names it in those words."""

from .attack import Attack

_COUNTERS = "numbers that the kernel counts for all"

ATTACKS = [
    Attack(
        "record_locks_on_shared_files",
        "carry a bit by a lock of the other kind, and learn who holds it",
        "nothing: programs need locks, and files of the environment are shared",
        """
        import fcntl, struct
        # A read lock of its own, as the run beside sees it: only a lock that somebody else holds would be told of.
        f = open("/usr/lib/os-release")
        judge(("EPERM", "EACCES"), lock=attempt(fcntl.lockf, f, fcntl.LOCK_SH | fcntl.LOCK_NB))
    """,
        documented="locks on shared files",
    ),
    Attack(
        "access_times_of_shared_files",
        "learn from a file's access time that another run, or the host's user, has read it",
        "root (read-only mounts keep no access times)",
        """
        import time
        path = "/usr/lib/os-release"
        before = os.stat(path).st_atime_ns
        open(path).read()
        time.sleep(0.2)  # the run beside reads it all the time
        judge((True,), same=os.stat(path).st_atime_ns == before)
    """,
        neighbour=True,
    ),
    Attack(
        "residence_of_shared_pages",
        "learn by mincore(2) which pages of shared files others have read",
        "the kernel: who cannot write a file is told nothing of its pages (since 5.2)",
        """
        import mmap
        # A file whose pages are surely not all in memory: the kernel says "all" to whoever may not write it.
        path = max((os.path.join("/usr/lib/x86_64-linux-gnu", n) for n in os.listdir("/usr/lib/x86_64-linux-gnu")
                    if os.path.isfile(os.path.join("/usr/lib/x86_64-linux-gnu", n))), key=os.path.getsize)
        with open(path, "rb") as f:
            libc.mmap.restype = ctypes.c_void_p
            pages = min(os.path.getsize(path) // 4096, 4096)
            at = libc.mmap(None, pages * 4096, 1, 2, f.fileno(), 0)
        seen = ctypes.create_string_buffer(pages)
        got = call(27, at, pages * 4096, seen)
        judge((0, True), mincore=got, all=all(byte & 1 for byte in seen.raw))
    """,
    ),
    Attack(
        "merged_pages",
        "have its pages merged with equal ones of others, and time the copy",
        "seccomp, or a kernel that merges none",
        """
        libc.mmap.restype = ctypes.c_void_p
        at = libc.mmap(None, 1 << 20, 3, 0x22, -1, 0)
        # 11 is MADV_DOFORK: what is not refused goes through. 67 is PR_SET_MEMORY_MERGE.
        judge(("EINVAL", True), merge=call(28, at, 1 << 20, 12), high_bits=call(28, at, 1 << 20, 12 | 1 << 32),
              process=call(157, 67, 1, 0, 0, 0), other=call(28, at, 1 << 20, 11) == 0)
    """,
    ),
    Attack(
        "core_scheduling",
        "keep others off the other thread of its CPU core",
        "seccomp, or a kernel without it",
        """
        # PR_SCHED_CORE, to create a cookie for this thread, its process, its group.
        judge(("EINVAL",), *[call(157, 62, 1, 0, scope, 0) for scope in (0, 1, 2)])
    """,
    ),
    Attack(
        "numbers_of_processes",
        "count the processes that others start",
        "pid namespace",
        """
        import time
        def child():
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
            return pid
        first = child()
        time.sleep(0.3)  # the run beside and the server start some
        judge((True, 1, 2), me=os.getpid(), step=child() - first, small=first < 30)
    """,
        neighbour=True,
    ),
    Attack(
        "identity_of_the_boot",
        "tell one boot of the host from another, and two runs of one host from those of two",
        "proc mount (subset=pid)",
        """
        def found(path):
            return attempt(lambda: open(path).read(8))
        judge(("ENOENT",), boot_id=found("/proc/sys/kernel/random/boot_id"), machine=found("/etc/machine-id"),
              dmi=found("/sys/class/dmi/id/product_uuid"), dbus=found("/var/lib/dbus/machine-id"), stat=found("/proc/stat"))
    """,
    ),
    Attack(
        "pressure_of_its_group",
        "measure how others press on CPU, memory and disk",
        "no cgroupfs",
        """
        names = ("cpu.pressure", "memory.pressure", "io.pressure", "cgroup.procs", "memory.events")
        got = {n: attempt(open, f"{d}/{n}") for n in names for d in ("/sys/fs/cgroup", "/proc/pressure")}
        judge(("ENOENT",), **got)
    """,
    ),
    Attack(
        "numbers_of_new_inodes",
        "count the pipes, sockets and namespaces that others make",
        "nothing: the kernel numbers them from one counter",
        """
        import time
        def number():
            ends = os.pipe()
            inode = os.fstat(ends[0]).st_ino
            os.close(ends[0]), os.close(ends[1])
            return inode
        first, own = number(), os.stat("/proc/self/ns/net").st_ino
        # A counter of its own would begin low, and one that is hidden would say 0.
        judge((True,), hidden=first == 0 or number() == first, namespaces=own == 0)
    """,
        documented=_COUNTERS,
    ),
    Attack(
        "age_of_its_cell",
        "learn how long its cell waited ready, and with it how busy the server is",
        "nothing: a process may know when it was started",
        """
        started = int(open("/proc/self/stat").read().rpartition(")")[2].split()[19])
        judge((True,), hidden=started == 0)
    """,
        documented="how long its cell waited",
    ),
    Attack(
        "free_space_of_the_hosts_disk",
        "watch the host write its disk",
        "nothing: statfs tells it of every file that can be read",
        """
        fs = os.statvfs("/usr")
        judge((True,), hidden=fs.f_bfree == 0 and fs.f_blocks == 0)
    """,
        documented="how full the host's disk is",
    ),
    Attack(
        "cache_of_shared_files",
        "learn whether a page of a shared file is in memory, and put it out",
        "nothing: reading tells by its time what preadv2 says at once",
        """
        # RWF_NOWAIT reads only what is in memory; POSIX_FADV_DONTNEED puts a file's pages out.
        fd = os.open("/usr/lib/os-release", 0)
        os.read(fd, 10)
        judge(("EOPNOTSUPP", "EPERM", "ENOSYS"), look=attempt(os.preadv, fd, [bytearray(1)], 0, os.RWF_NOWAIT),
              put_out=attempt(os.posix_fadvise, fd, 0, 0, os.POSIX_FADV_DONTNEED))
    """,
        documented="the page cache of shared files",
    ),
    Attack(
        "semaphores_by_name",
        "meet another run by a POSIX semaphore or shared memory of the same name",
        "mount namespace",
        """
        libc.sem_open.restype = ctypes.c_void_p
        sem = libc.sem_open(b"/neighbour", 0)
        ctypes.set_errno(0)
        why = errno.errorcode[ctypes.get_errno()] if sem and ctypes.get_errno() else "ENOENT" if not sem else "opened"
        shm = libc.shm_open(b"/neighbour", 0, 0)
        judge(("ENOENT",), semaphore=why, memory=errno.errorcode[ctypes.get_errno()] if shm < 0 else shm,
              files=attempt(os.stat, "/dev/shm/neighbour-secret"))
    """,
        neighbour=True,
    ),
    Attack(
        "fifo_of_another_run",
        "meet another run by a fifo or a socket at the same path",
        "mount namespace",
        """
        import stat
        def kinds(d):
            return sorted(n for n in os.listdir(d) if not stat.S_ISREG(os.stat(d + "/" + n).st_mode))
        judge(([], ), app=kinds("/app"), tmp=kinds("/tmp"), shm=kinds("/dev/shm"))
    """,
        neighbour=True,
    ),
    Attack(
        "signals_by_pidfd",
        "a pidfd of a process outside by its number, or of init to take its descriptors",
        "pid namespace",
        """
        pids = [3, 10, 100, 1000, @VICTIM@, @SERVER_PID@, 1 << 21]
        got = {str(p): attempt(os.pidfd_open, p) for p in pids if p != os.getpid()}
        init = os.pidfd_open(1)
        import signal
        judge(("ESRCH", "EPERM", "EINVAL"), init=attempt(signal.pidfd_send_signal, init, 9),
              stop=attempt(signal.pidfd_send_signal, init, 19), take=call(438, init, 0, 0), **got)
    """,
    ),
]
