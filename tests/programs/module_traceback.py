# SPDX-License-Identifier: Apache-2.0
# An error in a module that the script wrote names that file and its source.
import pathlib

pathlib.Path("rarely.py").write_text("def call(f):\n    # comment\n    return f(0)\n")
import rarely

rarely.call(lambda n: 1 // n)
