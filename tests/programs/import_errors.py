# SPDX-License-Identifier: Apache-2.0
# A module that is not there; a name that is not there.
try:
    from os import no_such_name
except ImportError as e:
    print(type(e).__name__, str(e).split(" (")[0])
import no_such_module_anywhere
