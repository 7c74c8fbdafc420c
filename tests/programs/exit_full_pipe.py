# SPDX-License-Identifier: Apache-2.0
# The last write fills what a pipe holds; the program is gone at once after it.
import os
import sys

sys.stdout.write("x" * 200_000 + "\n")
sys.stdout.flush()
os.write(1, b"y" * 65536)
sys.stderr.write("z" * 65536)
sys.exit(5)
