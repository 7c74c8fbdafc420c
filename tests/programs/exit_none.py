# SPDX-License-Identifier: Apache-2.0
# sys.exit() is status 0, and output is flushed.
import sys

print("done", end="")
sys.exit()
