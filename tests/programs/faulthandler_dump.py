# SPDX-License-Identifier: Apache-2.0
# A stack dump on demand.
import faulthandler
import sys


def inner():
    faulthandler.dump_traceback(file=sys.stderr, all_threads=False)


print(faulthandler.is_enabled())
inner()
