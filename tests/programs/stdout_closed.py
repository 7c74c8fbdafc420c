# SPDX-License-Identifier: Apache-2.0
# Output that cannot be flushed at the end: a word on stderr and status 120.
import os

print("lost")
os.close(1)
