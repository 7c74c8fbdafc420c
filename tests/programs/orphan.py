# SPDX-License-Identifier: Apache-2.0
# A child that outlives the main program for a moment has no say in its status.
import os
import time

if os.fork() == 0:
    os.close(0)
    os.close(1)
    os.close(2)
    time.sleep(0.3)
    os._exit(9)
print("main ends first")
