# SPDX-License-Identifier: Apache-2.0
# sys.exit, an exception and a thread in callbacks at exit; the status is still the script's.
import atexit
import sys
import threading


def start():
    t = threading.Thread(target=print, args=("thread of atexit",))
    try:
        t.start()
        t.join()
    except RuntimeError as e:
        print("refused:", e)


atexit.register(print, "last")
atexit.register(sys.exit, 9)
atexit.register(lambda: 1 / 0)
atexit.register(start)
atexit.register(print, "first", file=sys.stderr)
sys.exit(3)
