# SPDX-License-Identifier: Apache-2.0
# An exception in a thread is printed with its name; the status stays 0.
import threading


def fail():
    raise ValueError("in a thread")


t = threading.Thread(target=fail, name="worker-7")
t.start()
t.join()
print("main is fine", threading.current_thread() is threading.main_thread(), threading.active_count())
