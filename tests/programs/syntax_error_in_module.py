# SPDX-License-Identifier: Apache-2.0
# A module that the script wrote does not compile: the traceback names both.
with open("half.py", "w") as f:
    f.write("x = 1\nfor in range(3):\n    pass\n")
import half
