# SPDX-License-Identifier: Apache-2.0
# The script ends while a child of it still writes: all of that belongs to the output.
import os
import sys
import time

print("before", flush=True)
if os.fork() == 0:
    for n in range(5):
        time.sleep(0.01)
        print("child", n, flush=True)
    os._exit(0)
os.wait()
sys.stdout.write("the end, unflushed")
