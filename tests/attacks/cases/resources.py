# SPDX-License-Identifier: Apache-2.0
"""More than its share: processes, memory, disk, output, CPU, time. Where the server speaks, its sentence is what counts."""

from .attack import Attack

TIMED_OUT, MEMORY, OUTPUT = (
    "Execution timed out after 10 seconds.",
    "Memory limit of 128 MB exceeded.",
    "Output limit of 1 MiB exceeded.",
)


def _forever(name, wants, code):
    return Attack(name, wants, "wall time", code, expect=TIMED_OUT, is_slow=True)


def _too_much_memory(name, wants, code):
    return Attack(name, wants, "memory limit", code, expect=MEMORY)


def _flood(name, wants, code):
    return Attack(name, wants, "output limit", code, expect=OUTPUT)


ATTACKS = [
    _forever("infinite_loop", "CPU time without end", "while True: pass"),
    _forever("sleep", "a cell without end", "import time; time.sleep(3600)"),
    _forever(
        "close_everything_and_loop",
        "have the server take closed streams for the end",
        """
        os.closerange(0, 100)
        while True:
            pass
    """,
    ),
    _forever(
        "fork_bomb",
        "all of the machine's processes",
        """
        while True:
            try:
                os.fork()
            except OSError:
                pass
    """,
    ),
    _forever(
        "threads_forever",
        "threads instead of processes, and a main thread that waits for them",
        """
        import threading
        def loop():
            while True:
                pass
        while True:
            try:
                threading.Thread(target=loop).start()
            except RuntimeError:
                break
    """,
    ),
    _forever(
        "exec_chain",
        "be another program each time somebody looks",
        """
        again = "import os, sys; os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])"
        os.execv(sys.executable, [sys.executable, "-S", "-c", again])
    """,
    ),
    _forever(
        "uninterruptible_regex", "a computation in C that looks at no signal", "import re; re.match(r'(a+)+$', 'a' * 60 + 'b')"
    ),
    Attack(
        "fork_until_refused",
        "more processes than its share",
        "pids limit",
        """
        import signal
        pids = []
        while True:
            try:
                pid = os.fork()
            except BlockingIOError:  # EAGAIN
                break
            if pid == 0:
                signal.pause()
            pids.append(pid)
        judge((True,), few=20 < len(pids) < 64)
    """,
    ),
    Attack(
        "fork_bomb_by_shell",
        "the classic, as another program",
        "pids limit",
        """
        import subprocess
        p = subprocess.Popen("f() { f | f & }; f; wait", shell=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            p.wait(2)
        except subprocess.TimeoutExpired:
            pass
        judge((True,), True)  # the machine and the server are as they were: the test looks
    """,
    ),
    Attack(
        "threads_until_refused",
        "more threads than its share",
        "pids limit",
        """
        import threading
        wait, n = threading.Event(), 0
        try:
            while n < 1000:
                threading.Thread(target=wait.wait, daemon=True).start()
                n += 1
            why = "none"
        except RuntimeError as e:
            why = str(e)
        judge((True, "can't start new thread"), few=20 < n < 64, why=why)
    """,
    ),
    Attack(
        "vfork_and_clone_threads",
        "processes by the other calls",
        "pids limit",
        """
        import signal
        pids = []
        while len(pids) < 1000:
            pid = call(57)
            if pid == 0:
                signal.pause()
            if pid == "EAGAIN":
                break
            pids.append(pid)
        judge((True,), few=20 < len(pids) < 64)
    """,
    ),
    _too_much_memory("one_big_string", "a gigabyte at once", '"a" * 1000000000'),
    _too_much_memory(
        "many_small_objects",
        "memory bit by bit",
        """
        x = []
        while True:
            x.append(bytearray(1 << 16))
    """,
    ),
    _too_much_memory(
        "memory_by_mmap",
        "pages without an object",
        """
        import mmap
        m = mmap.mmap(-1, 1 << 30)
        for at in range(0, 1 << 30, 4096):
            m[at] = 1
    """,
    ),
    _too_much_memory(
        "memory_by_memfd",
        "memory that belongs to a file",
        """
        for i in range(100):
            os.write(os.memfd_create(str(i)), bytes(8 << 20))  # each is small, there are many
    """,
    ),
    _too_much_memory(
        "memory_by_system_v",
        "segments that no process maps",
        """
        for _ in range(100):
            s = call(29, 0, 8 << 20, 0o1600)
            libc.shmat.restype = ctypes.c_void_p
            ctypes.memset(libc.shmat(s, None, 0), 1, 8 << 20)
    """,
    ),
    _too_much_memory(
        "memory_in_a_child",
        "memory of a child, whose end the program shares",
        """
        import subprocess
        subprocess.run([sys.executable, "-c", "x = []\\nwhile True: x.append(bytearray(1 << 20))"], check=True)
    """,
    ),
    Attack(
        "memory_in_many_children",
        "memory of many small processes, none of which is the largest",
        "memory limit",
        """
        import signal
        for _ in range(40):
            if os.fork() == 0:
                try:
                    open("/proc/self/oom_score_adj", "w").write("0")
                except OSError:
                    pass
                x = bytearray(8 << 20)
                for i in range(0, len(x), 4096):
                    x[i] = 1
                signal.pause()
        while True:
            signal.pause() if os.wait()[1] == 0 else sys.exit(1)
    """,
        expect=MEMORY,
        also=TIMED_OUT,  # at half a CPU the kernel may take longer to find a victim than the run has
    ),
    Attack(
        "memory_of_a_killed_child",
        "have the program's own good end taken for a memory failure, or the other way round",
        "verdict of the program itself",
        """
        pid = os.fork()
        if pid == 0:
            x = []
            while True:
                x.append(bytearray(1 << 20))
        judge((9,), signal=os.waitpid(pid, 0)[1] & 127)
    """,
    ),
    Attack(
        "memory_of_pipes",
        "the kernel's memory behind pipes and sockets",
        "memory limit, descriptor limit",
        """
        import fcntl, socket
        kept = []
        try:
            while len(kept) < 4000:
                r, w = os.pipe()
                kept += [r, w]
                os.set_blocking(w, False)
                attempt(fcntl.fcntl, w, 1031, 1 << 20)  # F_SETPIPE_SZ
                attempt(os.write, w, bytes(1 << 20))
        except OSError as e:
            why = errno.errorcode[e.errno]
        judge(("EMFILE", "ENFILE", "ENOMEM"), why=why)
    """,
        also=MEMORY,
    ),
    Attack(
        "huge_address_space",
        "terabytes that are never touched",
        "the kernel's own bounds",
        """
        import mmap
        try:
            m = mmap.mmap(-1, 1 << 46)
            m[0] = 1
            got = "mapped"  # costs nothing: memory is counted when it is touched
        except OSError as e:
            got = errno.errorcode[e.errno]
        judge(("ENOMEM", "mapped"), got=got)
    """,
    ),
    Attack(
        "disk_filler",
        "the host's disk or memory by files",
        "scratch limit",
        """
        total, why = 0, {}
        for d in ("/app", "/tmp", "/dev/shm"):
            try:
                for i in range(64):
                    with open(f"{d}/{i}", "wb", 0) as f:
                        total += f.write(bytes(1 << 20))
            except OSError as e:
                why[d] = errno.errorcode[e.errno]
        judge((True, "ENOSPC"), within=total <= 16 << 20, much=total >= 12 << 20, **why, all=len(why) == 3)
    """,
    ),
    Attack(
        "disk_by_one_file",
        "one file without end",
        "scratch limit, file size limit",
        """
        with open("/tmp/big", "wb", 0) as f:
            try:
                while f.tell() < 1 << 30:
                    f.write(bytes(1 << 20))
                why = "none"
            except OSError as e:
                why = errno.errorcode[e.errno]
        judge(("ENOSPC", "EFBIG", True), why=why, small=os.path.getsize("/tmp/big") <= 16 << 20)
    """,
    ),
    Attack(
        "sparse_file",
        "a file that is huge for whoever copies it",
        "file size limit",
        """
        with open("/app/sparse", "wb") as f:
            judge(("EFBIG", "ENOSPC"), truncate=attempt(f.truncate, 1 << 40),
                  allocate=attempt(os.posix_fallocate, f.fileno(), 0, 1 << 30), write=attempt(os.pwrite, f.fileno(), b"x", 1 << 39))
    """,
    ),
    Attack(
        "inode_filler",
        "more files than anybody can delete",
        "scratch limit",
        """
        n, why = 0, "none"
        try:
            while n < 20000:
                os.close(os.open(f"/dev/shm/{n}" if n % 2 else f"/tmp/{n}", os.O_CREAT | os.O_WRONLY))
                n += 1
        except OSError as e:
            why = errno.errorcode[e.errno]
        judge(("ENOSPC", True), why=why, few=n <= 4096)
    """,
    ),
    Attack(
        "deep_folders",
        "a tree too deep for whoever removes it",
        "scratch is dropped as a mount",
        """
        n = 0
        try:
            while n < 10000:
                os.mkdir("d")
                os.chdir("d")
                n += 1
        except OSError as e:
            why = errno.errorcode[e.errno]
        judge(("ENOSPC", "ENAMETOOLONG", True), why=why, few=n <= 4096)
    """,
    ),
    Attack(
        "descriptor_filler",
        "all of the machine's open files",
        "descriptor limit",
        """
        n = 0
        try:
            while n < 100000:
                os.open("/dev/null", 0)
                n += 1
        except OSError as e:
            why = errno.errorcode[e.errno]
        judge(("EMFILE", True), why=why, few=n < 1024, high=attempt(os.dup2, 0, 100000) == "EBADF")
    """,
    ),
    Attack(
        "cpu_share",
        "more than half of one CPU, by as many processes as it can",
        "CPU quota",
        """
        import time
        end = time.monotonic() + 2
        for _ in range(4):
            if os.fork() == 0:
                while time.monotonic() < end:
                    pass
                os._exit(0)
        while True:
            try:
                os.wait()
            except ChildProcessError:
                break
        times = os.times()
        share = (times.user + times.system + times.children_user + times.children_system) / (time.monotonic() - end + 2)
        judge(("small",), share="small" if share < 0.65 else share)
    """,
    ),
    _flood(
        "flood_stdout",
        "the server's memory and the client's",
        """
        while True:
            print("y" * 1000)
    """,
    ),
    _flood(
        "flood_stderr",
        "the same by the other stream",
        """
        while True:
            sys.stderr.write("y" * 1000)
    """,
    ),
    _flood(
        "flood_without_a_line",
        "a reader that waits for the end of a line",
        """
        while True:
            os.write(1, b"\\0" * 65536)
    """,
    ),
    _flood(
        "flood_by_children",
        "many writers at once",
        """
        for _ in range(20):
            if os.fork() == 0:
                break
        while True:
            os.write(1, b"z" * 4096)
    """,
    ),
    _flood(
        "flood_then_sleep",
        "stay after the limit",
        """
        import signal, time
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        try:
            os.write(1, b"z" * (3 << 20))
        finally:
            time.sleep(100)
    """,
    ),
    Attack(
        "stack_overflow_in_c",
        "crash what it runs in",
        "a process of its own",
        """
        sys.setrecursionlimit(10**9)
        x = []
        for _ in range(10**6):
            x = [x]
        repr(x)
    """,
        expect="Killed by signal 11 (SIGSEGV).",
    ),
    Attack(
        "wild_jump",
        "crash what it runs in",
        "a process of its own",
        "ctypes.CFUNCTYPE(None)(0xdead000)()",
        expect="Killed by signal 11 (SIGSEGV).",
    ),
    Attack(
        "timers_and_signals",
        "the kernel's queues",
        "limits of the kernel a user",
        """
        import signal
        signal.pthread_sigmask(signal.SIG_BLOCK, [34])
        n = 0
        while n < 1_000_000 and call(129, os.getpid(), 34, (ctypes.c_int * 32)(34, 0, -1)) == 0:
            n += 1
        judge((True,), bounded=n < 1_000_000)
    """,
    ),
    Attack(
        "die_by_the_wrong_signal",
        "have its own SIGKILL taken for a limit",
        "the verdict comes from the cgroup's events",
        "os.kill(os.getpid(), 9)",
        expect="Killed by signal 9 (SIGKILL).",
    ),
]
