# SPDX-License-Identifier: Apache-2.0
# sys.exit(3) without a word on stderr.
import sys

print("leaving with 3")
sys.exit(3)
