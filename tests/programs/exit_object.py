# SPDX-License-Identifier: Apache-2.0
# Any other object is printed.
import sys

sys.exit({"code": 3})
