# SPDX-License-Identifier: Apache-2.0
"""Whatever a program prints, closes, inherits, forks or does to itself: the answer says how *it* ended, and when."""

from .attack import Attack

_LAYER = "the verdict comes from the zygote's wait and the cgroup"


def _ends(name, wants, code, expect, **more):
    return Attack(name, wants, _LAYER, code, expect=expect, **more)


TIMED_OUT = "Execution timed out after 10 seconds."

ATTACKS = [
    _ends("exit_with_closed_streams", "a success, because nothing was said", "os.close(1); os.close(2); os._exit(3)", "Exited with status 3."),
    _ends("exit_from_a_thread", "another status than the program's", """
        import threading
        threading.Thread(target=lambda: call(231, 5)).start()
        while True:
            pass
    """, "Exited with status 5."),
    _ends("main_thread_ends_first", "the end of the first thread taken for the program's", """
        import threading, time
        def last():
            time.sleep(0.3)
            call(231, 4)
        threading.Thread(target=last).start()
        call(60, 0)  # exit(2) of this thread alone, with status 0
    """, "Exited with status 4."),
    _ends("main_thread_ends_and_another_stays", "no end, because the first thread is gone", """
        import threading, time
        threading.Thread(target=time.sleep, args=(3600,)).start()
        call(60, 0)
    """, TIMED_OUT, is_slow=True),
    _ends("killed_in_the_middle_of_output", "a mixed-up answer", """
        import threading
        threading.Thread(target=lambda: [os.write(2, b"x" * 4096) for _ in range(50)], daemon=True).start()
        os.kill(os.getpid(), 9)
    """, "Killed by signal 9 (SIGKILL)."),
    _ends("killed_by_its_child", "its child's doing taken for a limit", """
        if os.fork() == 0:
            os.kill(os.getppid(), 15)
            os._exit(0)
        import signal
        while True:
            signal.pause()
    """, "Killed by signal 15 (SIGTERM)."),
    _ends("status_of_a_signal", "a status above 128 taken for a signal", "os._exit(137)", "Exited with status 137."),
    _ends("status_after_exec", "another program's status lost", 'os.execv("/bin/sh", ["sh", "-c", "exit 7"])', "Exited with status 7."),
    _ends("signal_after_exec", "another program's signal lost", 'os.execv("/bin/sh", ["sh", "-c", "kill -6 $$"])',
          "Killed by signal 6 (SIGABRT)."),
    _ends("siblings_by_the_dozen", "a brother's status taken for its own, by many of them at once", """
        for _ in range(30):
            pid = call(56, 0x8000 | 17, 0, 0, 0, 0)  # CLONE_PARENT
            if pid == 0:
                os._exit(0)
        os._exit(6)
    """, "Exited with status 6."),
    _ends("exit_with_a_full_pipe", "no end, because its output is not read", """
        import fcntl
        fcntl.fcntl(1, fcntl.F_SETFL, os.O_NONBLOCK)
        attempt(os.write, 1, b"x" * 900000)
        os._exit(8)
    """, "Exited with status 8."),
    _ends("streams_exchanged", "its words where another's belong", """
        os.dup2(1, 9), os.dup2(2, 1), os.dup2(9, 2)
        os.write(1, b"this is an error\\n")
        os._exit(2)
    """, "this is an error"),
    _ends("children_that_end_before_and_after", "a child's success taken for its own failure", """
        for status in range(20):
            if os.fork() == 0:
                os._exit(0)
        sys.exit(9)
    """, "Exited with status 9."),
    _ends("stopped_by_its_child", "a stopped program that nobody times", """
        if os.fork() == 0:
            import time
            while True:
                os.kill(os.getppid(), 19)
                time.sleep(0.01)
        while True:
            pass
    """, TIMED_OUT, is_slow=True),
    _ends("notice_of_the_end_by_a_child", "a child's word that the program has ended well, by the call that our own end makes", """
        # getpgrp with the mark of src/cell/filter.h.
        if os.fork() == 0:
            call(111, 0x5AFE0E7D1A57CA11, 0)
            os._exit(1)
        import time
        time.sleep(0.3)
        os._exit(7)
    """, "Exited with status 7."),
    _ends("notice_of_the_end_by_a_thread", "the same by a thread, while the program goes on to fail", """
        import threading, time
        def lie():
            call(111, 0x5AFE0E7D1A57CA11, 0)
        if os.fork() == 0:
            threading.Thread(target=lie).start()
            time.sleep(1)
            os._exit(1)
        time.sleep(0.3)
        os._exit(7)
    """, "Exited with status 7."),
    _ends("notices_without_end", "a listener that is kept busy, and no end", """
        for _ in range(40):
            if os.fork() == 0:
                call(111, 0x5AFE0E7D1A57CA11, 0)
                os._exit(1)
        import time
        time.sleep(0.5)
        os._exit(7)
    """, "Exited with status 7."),
    Attack("success_is_its_own", "a failure of its children taken for its own", _LAYER, """
        import subprocess
        for command in ("exit 3", "kill -9 $$", "kill -11 $$"):
            subprocess.run(["sh", "-c", command])
        judge((True,), True)
    """),
    Attack("daemon_keeps_stdout", "an answer that does not come, because a daemon holds the streams", _LAYER, """
        import time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for fd in range(3, 20):
                    attempt(os.dup2, 1, fd)
                time.sleep(100)
            os._exit(0)
        judge((True,), True)
    """),
    Attack("streams_made_blocking_and_back", "a reader of ours that stops, by the flags of a pipe both share", _LAYER, """
        import fcntl
        # A pipe's two ends are two open files: the flags of one are not the other's.
        for fd in (0, 1, 2):
            fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK | os.O_APPEND)
            attempt(fcntl.fcntl, fd, 1031, 4096)  # F_SETPIPE_SZ: the smallest
            attempt(fcntl.fcntl, fd, 8, os.getpid())  # F_SETOWN
        for fd in (0, 1, 2):
            fcntl.fcntl(fd, fcntl.F_SETFL, 0)
        judge((True,), True)
    """),
    Attack("streams_cannot_be_read_back", "read what another has written, or the server's end of a pipe", "descriptors", """
        # Through /proc a pipe could be opened in the other direction: that gives what the program itself has written, no more.
        os.write(2, b"")
        fd = attempt(os.open, "/proc/self/fd/1", os.O_RDONLY | os.O_NONBLOCK)
        got = attempt(os.read, fd, 100) if isinstance(fd, int) else fd
        judge(("EAGAIN", "EACCES", "ENXIO", "ENOENT"), read=got)
    """),
]
