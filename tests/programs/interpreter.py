# SPDX-License-Identifier: Apache-2.0
# Arguments, flags, path and the like are those of `python3 script.py`.
import os
import sys

print(sys.argv, sys.orig_argv[1:], sys.flags)
print([p for p in sys.path if not p.startswith("/usr/local")])
print(os.getcwd(), sys.path[0] == os.getcwd(), sys.executable, sys.prefix, sys.base_prefix, sys.exec_prefix)
print(sys.dont_write_bytecode, sys.warnoptions, sys._xoptions, sys.pycache_prefix, sys.getswitchinterval(), sys.gettrace(), sys.getprofile())
print(sys.implementation.name, sys.platform, sys.byteorder, sys.maxsize, sys.int_info.bits_per_digit, sys.stdout is sys.__stdout__)
print(sys.excepthook is sys.__excepthook__, sys.displayhook.__name__, sys.unraisablehook.__name__, sys.getrecursionlimit(), hasattr(sys, "ps1"))
