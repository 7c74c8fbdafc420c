# SPDX-License-Identifier: Apache-2.0
# -1 becomes 255.
import sys

sys.exit(-1)
