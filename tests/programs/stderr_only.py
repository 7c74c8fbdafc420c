# SPDX-License-Identifier: Apache-2.0
# Words on stderr are no failure.
import sys

print("a warning of sorts", file=sys.stderr)
