# SPDX-License-Identifier: Apache-2.0
# exec from a thread that is not the main one replaces the whole program.
import os
import sys
import threading

print("before", flush=True)


def replace():
    os.execv(sys.executable, ["python3", "-c", "import sys; print('after', sys.argv); sys.exit(3)", "x"])


threading.Thread(target=replace).start()
threading.Event().wait()
