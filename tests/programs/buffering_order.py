# SPDX-License-Identifier: Apache-2.0
# stdout is buffered, stderr is not, os.write passes both.
import os
import sys

print("one")
os.write(1, b"two, first\n")
sys.stdout.flush()
sys.stdout.write("three ")
sys.stdout.buffer.write(b"four, before three\n")
sys.stdout.flush()
print("five", file=sys.stderr, end="")
print(" six", file=sys.stderr)
os.write(2, b"seven\n")
