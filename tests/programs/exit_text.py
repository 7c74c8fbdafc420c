# SPDX-License-Identifier: Apache-2.0
# sys.exit("text"): the text on stderr, status 1.
import sys

print("out")
sys.exit("something is wrong: ü")
