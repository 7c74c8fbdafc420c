# SPDX-License-Identifier: Apache-2.0
# An uncaught KeyboardInterrupt: traceback, then death by SIGINT.
import os
import signal

print("waiting", flush=True)
try:
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
finally:
    print("cleaned up", flush=True)
