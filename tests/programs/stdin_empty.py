# SPDX-License-Identifier: Apache-2.0
# Standard input is there, and empty.
import sys

print(repr(sys.stdin.read()), list(sys.stdin), sys.stdin.isatty(), sys.stdin.fileno(), sys.stdin.encoding)
try:
    input()
except EOFError as e:
    print("EOFError:", e)
