# SPDX-License-Identifier: Apache-2.0
# Only the low eight bits count: 256 is a success.
import sys

sys.exit(256)
