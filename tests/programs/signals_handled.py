# SPDX-License-Identifier: Apache-2.0
# Handlers, alarms, masks, waiting for a signal, and the dispositions a program starts with.
import os
import signal

odd = {}
for s in sorted(signal.valid_signals()):
    handler = signal.getsignal(s)
    if handler is not signal.SIG_DFL:
        odd[int(s)] = getattr(handler, "__name__", None) or str(handler)
print(odd, signal.pthread_sigmask(signal.SIG_BLOCK, []))
seen = []
signal.signal(signal.SIGUSR1, lambda number, frame: seen.append((number, frame.f_code.co_name)))


def here():
    os.kill(os.getpid(), signal.SIGUSR1)


here()
print(seen)


class Late(Exception):
    pass


def late(number, frame):
    raise Late


signal.signal(signal.SIGALRM, late)
signal.setitimer(signal.ITIMER_REAL, 0.05)
try:
    signal.pause()
except Late:
    print("alarm")
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
os.kill(os.getpid(), signal.SIGUSR2)
print(signal.sigpending(), signal.sigwait([signal.SIGUSR2]))
