# SPDX-License-Identifier: Apache-2.0
# A stream that cannot be flushed at the end makes the status 120.
import io
import sys


class Stubborn(io.StringIO):
    def flush(self):
        raise OSError("not now")


print("out")
sys.stderr = Stubborn()
