# SPDX-License-Identifier: Apache-2.0
# The main thread fails; the traceback comes at once, the other thread still ends its work.
import sys
import threading
import time


def work():
    time.sleep(0.3)
    print("work done", file=sys.stderr)


threading.Thread(target=work).start()
raise RuntimeError("main fails first")
