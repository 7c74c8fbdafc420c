# SPDX-License-Identifier: Apache-2.0
# SystemExit passes "except Exception" and runs finally.
import sys

try:
    try:
        sys.exit(7)
    except Exception:
        print("must not be here")
    finally:
        print("finally")
except SystemExit as e:
    print("caught", e.code)
raise SystemExit(9)
