# SPDX-License-Identifier: Apache-2.0
# threading.excepthook, unraisablehook, settrace, stack size, thread names and locals.
import sys
import threading

threading.excepthook = lambda args: print("thread failed:", args.exc_type.__name__, args.exc_value, args.thread.name)
t = threading.Thread(target=lambda: {}["k"], name="worker")
t.start()
t.join()
sys.unraisablehook = lambda u: print("unraisable:", u.exc_type.__name__, u.exc_value, u.err_msg)


class Bad:
    def __del__(self):
        raise ValueError("in del")


bad = Bad()
del bad
seen = []
threading.settrace(lambda frame, event, arg: seen.append(event))
t = threading.Thread(target=lambda: None)
t.start()
t.join()
threading.settrace(None)
print(seen[0], threading.stack_size(), threading.main_thread().name, threading.current_thread() is threading.main_thread())
own = threading.local()
own.x = 1
t = threading.Thread(target=lambda: print(hasattr(own, "x"), threading.current_thread().name, threading.active_count()))
t.start()
t.join()
print(threading.excepthook is not threading.__excepthook__, threading.get_native_id() > 0, threading.TIMEOUT_MAX > 1e6)
timer = threading.Timer(0.01, print, ["timer"])
timer.start()
timer.join()
barrier, results = threading.Barrier(3), []
threads = [threading.Thread(target=lambda: results.append(barrier.wait(2))) for _ in range(3)]
[t.start() for t in threads]
[t.join() for t in threads]
print(sorted(results))
