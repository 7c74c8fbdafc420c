# SPDX-License-Identifier: Apache-2.0
# Masks, timers, wake-up descriptors, waiting, and what is set at the start.
import os
import signal
import threading
import time

print({s.name: str(signal.getsignal(s)) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGHUP)}["SIGPIPE"])
print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.getsignal(signal.SIGINT) is signal.default_int_handler, signal.getitimer(signal.ITIMER_REAL))
print([signal.getsignal(n) for n in (1, 2, 13, 15, 17, 25)][2:], len(signal.valid_signals()))
got = []
signal.signal(signal.SIGALRM, lambda n, f: got.append(f.f_lineno > 0))
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
while len(got) < 3:
    time.sleep(0.5)
signal.setitimer(signal.ITIMER_REAL, 0)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
os.kill(os.getpid(), signal.SIGUSR1)
print(got[:3], signal.sigpending(), signal.sigwait([signal.SIGUSR1]), signal.sigtimedwait([signal.SIGUSR2], 0.01))
read, write = os.pipe()
os.set_blocking(write, False)
signal.set_wakeup_fd(write)
signal.signal(signal.SIGUSR2, lambda *_: None)
threading.Thread(target=lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR2)).start()
print(os.read(read, 1)[0] == signal.SIGUSR2, signal.strsignal(11), signal.Signals(9).name)
try:
    threading.Thread(target=lambda: signal.signal(signal.SIGUSR1, signal.SIG_DFL)).start()
finally:
    time.sleep(0.1)
signal.signal(signal.SIGINT, lambda *_: print("interrupted once"))
os.kill(os.getpid(), signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.raise_signal(signal.SIGINT)
