# SPDX-License-Identifier: Apache-2.0
# Hooks of the program's own: excepthook, unraisablehook, displayhook, threading.excepthook, settrace.
import sys
import threading

sys.excepthook = lambda kind, value, tb: print("my hook:", kind.__name__, value, tb.tb_lineno, file=sys.stderr)
threading.excepthook = lambda args: print("thread hook:", args.exc_type.__name__)
t = threading.Thread(target=lambda: 1 / 0)
t.start()
t.join()
calls = []
sys.settrace(lambda frame, event, arg: calls.append(frame.f_code.co_name))


def traced():
    pass


traced()
sys.settrace(None)
print(calls)
raise ValueError("to my hook")
