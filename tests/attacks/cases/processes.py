# SPDX-License-Identifier: Apache-2.0
"""Processes: of the host, of other runs, of the server; and what a run leaves behind."""

from .attack import Attack

ATTACKS = [
    Attack(
        "proc_shows_the_cell_alone",
        "see what runs on the host",
        "pid namespace, proc mount",
        """
        seen = {int(name) for name in os.listdir("/proc") if name.isdigit()}
        judge((set(), True), others=seen - {os.getpid()}, low=os.getpid() < 100)
    """,
    ),
    *[
        Attack(
            "proc_1_" + name,
            wants,
            "init's own id, proc mount (hidepid)",
            f"""
        judge(("ENOENT", "EACCES", "EPERM"), own=attempt({how}, "/proc/1/{name}"), by_task=attempt({how}, "/proc/1/task/1/{name}"))
    """,
        )
        for name, how, wants in (
            ("environ", "open", "the environment of the cell's init"),
            ("mem", "open", "the memory of the cell's init"),
            ("maps", "open", "the addresses of the cell's init"),
            ("root", "os.listdir", "the root that init sees"),
            ("cwd", "os.listdir", "the folder that init is in"),
            ("exe", "os.readlink", "our program"),
            ("fd", "os.listdir", "the sockets to the warden"),
            ("map_files", "os.listdir", "files behind init's memory"),
            ("syscall", "open", "what init waits for"),
        )
    ],
    Attack(
        "proc_1_fd_by_guess",
        "open init's socket to the warden by its number",
        "init's own id, proc mount (hidepid)",
        """
        judge(("ENOENT", "EACCES", "EPERM"), *[attempt(os.open, f"/proc/1/fd/{n}", os.O_RDWR) for n in range(8)])
    """,
    ),
    Attack(
        "pids_beyond_the_cell",
        "signal any process outside",
        "pid namespace",
        """
        me, found = os.getpid(), {}
        for pid in [*range(1, 5000), @VICTIM@, @SERVER_PID@]:
            answer = attempt(os.kill, pid, 0)
            if answer != "ESRCH" and pid != me:
                found[pid] = answer
        # Init is there and somebody else's; nothing more.
        judge(({1: "EPERM"},), found=found)
    """,
    ),
    Attack(
        "kill_everybody",
        "kill all processes that it may",
        "pid namespace",
        """
        import signal
        child = os.fork()
        if child == 0:
            signal.pause()
        answer = attempt(os.kill, -1, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        judge((None, -9), answer=answer, own_child=status)
    """,
        neighbour=True,
    ),
    Attack(
        "kill_the_init",
        "end or stop the cell's init and with it the watch over the cell",
        "init's own id",
        """
        judge(("EPERM",), *[attempt(os.kill, 1, s) for s in (9, 15, 19, 2, 1, 11, 34)], by_fd=call(424, os.pidfd_open(1), 9, 0, 0))
    """,
    ),
    Attack(
        "kill_the_group_of_the_server",
        "signal a process group that reaches out of the cell",
        "own session",
        """
        # 0 would be a group or session from outside, which kill(0, ...) would reach.
        judge((True,), group=os.getpgid(0) > 0, session=os.getsid(0) > 0)
    """,
    ),
    Attack(
        "parent_outside",
        "signal or wait for the parent, which lives outside",
        "pid namespace",
        """
        # 0: the parent has no number here.
        judge((0, "EINVAL"), parent=os.getppid(), open=attempt(os.pidfd_open, os.getppid()))
    """,
    ),
    Attack(
        "sibling_by_clone_parent",
        "a child whose parent is the server's process, which has no use for it",
        "reaped by whoever gets it",
        """
        CLONE_PARENT = 0x8000
        pids = []
        for _ in range(20):
            pid = call(56, CLONE_PARENT | 17, 0, 0, 0, 0)
            if pid == 0:
                libc._exit(5)
            pids.append(pid)
        # Allowed or refused: what counts is that the test finds no zombie afterwards, and that the verdict is this program's.
        judge((True,), all(p == "EPERM" or isinstance(p, int) for p in pids))
    """,
    ),
    Attack(
        "forged_verdict_by_sibling",
        "have a sibling's exit status taken for the run's",
        "the zygote knows its guests by pid",
        """
        import time
        if call(56, 0x8000 | 17, 0, 0, 0, 0) == 0:
            libc._exit(0)
        time.sleep(0.3)
        sys.exit(77)
    """,
        expect="Exited with status 77.",
    ),
    Attack(
        "orphan_keeps_the_streams",
        "keep the run open after its end by a child that holds stdout",
        "init's end kills the pid namespace",
        """
        if os.fork() == 0:
            os.setsid()
            while True:
                os.write(1, b"")
        judge((True,), True)
    """,
    ),
    Attack(
        "daemon_outlives",
        "a background process that goes on when the run is over",
        "init's end kills the pid namespace",
        """
        import signal
        for _ in range(3):
            if os.fork() == 0:
                os.setsid()
                if os.fork():
                    os._exit(0)
                for s in range(1, 32):
                    attempt(signal.signal, s, signal.SIG_IGN) if s not in (9, 19) else None
                for fd in range(3):
                    os.close(fd)
                while True:
                    signal.pause()
        judge((True,), True)
    """,
    ),
    Attack(
        "daemon_by_exec",
        "as above, as another program",
        "init's end kills the pid namespace",
        """
        import subprocess
        script = "trap '' 1 2 15; exec -a @MARK@ sleep 1000 </dev/null >/dev/null 2>&1 &"
        subprocess.Popen(script, shell=True, executable="/bin/bash", start_new_session=True)
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)", "@MARK@"], start_new_session=True, **quiet)
        judge((True,), True)
    """,
    ),
    Attack(
        "subreaper",
        "adopt orphans so that init does not get them",
        "init's end kills the pid namespace",
        """
        import signal
        libc.prctl(36, 1, 0, 0, 0)
        if os.fork() == 0:
            if os.fork() == 0:
                signal.pause()
            os._exit(0)
        judge((True,), True)
    """,
    ),
    Attack(
        "leaked_descriptors",
        "a socket or folder of the server's (runc CVE-2024-21626)",
        "descriptors",
        """
        import stat
        listed = [n for n in os.listdir("/proc/self/fd") if int(n) > 2 and attempt(os.readlink, f"/proc/self/fd/{n}") != "ENOENT"]
        beyond = [n for n in range(3, 4096) if attempt(os.fstat, n) != "EBADF"]
        kinds = [stat.S_IFMT(os.fstat(n).st_mode) for n in range(3)]
        judge(([], [stat.S_IFCHR, stat.S_IFIFO, stat.S_IFIFO], "/dev/null"), listed=listed, beyond=beyond, kinds=kinds,
              stdin=os.readlink("/proc/self/fd/0"))
    """,
    ),
    Attack(
        "descriptors_of_a_child",
        "as above, after exec",
        "descriptors",
        """
        import subprocess
        seen = subprocess.check_output(["ls", "/proc/self/fd"], text=True).split()
        judge((["0", "1", "2", "3"],), seen=seen)
    """,
    ),
    Attack(
        "working_folder",
        "a working folder outside the root (runc CVE-2024-21626)",
        "root",
        """
        inode = lambda path: (os.stat(path).st_dev, os.stat(path).st_ino)
        judge((True,), cwd=os.getcwd() == "/app", link=os.readlink("/proc/self/cwd") == "/app",
              root=os.readlink("/proc/self/root") == "/",
              up=inode("..") == inode("/") == inode("/..") == inode("/proc/self/root/.."))
    """,
    ),
    Attack(
        "environment_of_the_server",
        "keys and tokens in the server's environment",
        "the supervisor starts its programs with a clean one",
        """
        import re
        text = open("/proc/self/environ").read() + repr(dict(os.environ))
        allowed = {"PATH", "LANG", "HOME", "LC_ALL", "LC_CTYPE", "PWD", "TMPDIR", "USER", "LOGNAME", "PYTHONPATH",
                   "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
        secret = "@SECRET@"[::-1]  # the text comes reversed, so that this program does not find itself
        judge((False, set()), secret=secret in text, unknown=set(os.environ) - allowed,
              python=[n for n in os.environ if n.startswith("PYTHON")] != [], aws="AWS_" in text)
    """,
    ),
    Attack(
        "memory_of_an_earlier_run",
        "what an earlier run's program or data left in the interpreter's memory",
        "a zygote never sees a run",
        """
        import re
        hits = []
        with open("/proc/self/mem", "rb", 0) as mem:
            for line in open("/proc/self/maps"):
                where, rights = line.split()[:2]
                if rights[0] != "r" or "[v" in line:
                    continue
                begin, end = (int(x, 16) for x in where.split("-"))
                try:
                    mem.seek(begin)
                    hits += re.findall(rb"kq7:[0-9]{16}", mem.read(end - begin))
                except (OSError, ValueError, OverflowError):
                    pass
        judge(([],), hits=hits)
    """,
        before="""
        secret = "kq7:1234567890123456"
        open("/tmp/x", "w").write(secret)
    """,
    ),
    Attack(
        "secrets_in_the_interpreter",
        "the server's secrets in inherited memory",
        "a zygote is started clean",
        """
        import re
        hits, needle = [], re.compile(b"s3cr3t-of-the" + b"-[s]erver")
        with open("/proc/self/mem", "rb", 0) as mem:
            for line in open("/proc/self/maps"):
                where, rights = line.split()[:2]
                if rights[0] == "r" and "[v" not in line:
                    begin, end = (int(x, 16) for x in where.split("-"))
                    try:
                        mem.seek(begin)
                        hits += needle.findall(mem.read(end - begin))
                    except (OSError, ValueError, OverflowError):
                        pass
        judge(([],), hits=hits)
    """,
    ),
    Attack(
        "names_of_the_host",
        "the host's name",
        "uts namespace",
        """
        import socket
        judge((False, "cell"), name=socket.gethostname(), same=os.uname().nodename == "@HOSTNAME@",
              domain=os.path.exists("/proc/sys/kernel/domainname"))
    """,
    ),
    Attack(
        "cgroup_paths",
        "where on the host the cell is counted",
        "cgroup namespace",
        """
        paths = {line.rstrip().split(":")[2] for line in open("/proc/self/cgroup")}
        judge(({"/"},), paths=paths)
    """,
    ),
    Attack(
        "neighbour_in_proc",
        "the processes, memory and files of a run beside",
        "pid namespace",
        """
        names = {open(f"/proc/{n}/comm").read().strip() for n in os.listdir("/proc") if n.isdigit()}
        judge((True,), only_me=names == {"@MARK@"})
    """,
        neighbour=True,
    ),
    Attack(
        "run_only_this_thread_stops",
        "stop itself, so that nobody counts its time",
        "wall time",
        "import signal; os.kill(os.getpid(), signal.SIGSTOP)",
        expect="Execution timed out after 10 seconds.",
        is_slow=True,
    ),
    Attack(
        "stop_the_group",
        "stop its whole group, which froze Piston's watch too",
        "wall time",
        """
        import signal
        os.fork()
        os.killpg(os.getpgid(0), signal.SIGSTOP)
        while True:
            signal.pause()
    """,
        expect="Execution timed out after 10 seconds.",
        is_slow=True,
    ),
    Attack(
        "ignore_all_signals",
        "survive a polite end",
        "SIGKILL from outside",
        """
        import signal, time
        for s in signal.valid_signals():
            attempt(signal.signal, s, signal.SIG_IGN)
        while True:
            time.sleep(1)
    """,
        expect="Execution timed out after 10 seconds.",
        is_slow=True,
    ),
]
