# SPDX-License-Identifier: Apache-2.0
# A stdout that cannot be flushed at the end is status 120 and a word on stderr.
import sys

sys.stdout = open("/dev/full", "w")
print("lost")
