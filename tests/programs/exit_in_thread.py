# SPDX-License-Identifier: Apache-2.0
# sys.exit in a thread ends that thread alone.
import sys
import threading


def work():
    print("thread")
    sys.exit(5)


t = threading.Thread(target=work)
t.start()
t.join()
print("main goes on")
