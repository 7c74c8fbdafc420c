# SPDX-License-Identifier: Apache-2.0
# What is in the buffer at fork is written twice, as everywhere.
import os

print("buffered before fork")
if os.fork() == 0:
    print("child")
else:
    os.wait()
    print("parent")
