# SPDX-License-Identifier: Apache-2.0
# Threads that start threads while the interpreter waits; atexit comes after all of them.
import atexit
import threading
import time

atexit.register(print, "atexit")


def generation(n):
    time.sleep(0.02)
    print("generation", n)
    if n:
        threading.Thread(target=generation, args=(n - 1,)).start()


threading.Thread(target=generation, args=(3,)).start()
print("main ends")
