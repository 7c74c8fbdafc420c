# SPDX-License-Identifier: Apache-2.0
# The interpreter waits for threads that are not daemons.
import threading

gate = threading.Event()


def late():
    gate.wait()
    threading.Event().wait(0.2)
    print("late thread")


threading.Thread(target=late).start()
gate.set()
print("main ends")
