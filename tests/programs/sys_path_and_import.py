# SPDX-License-Identifier: Apache-2.0
# What the import system looks like before anything is imported, but for what the interpreter itself needs.
import sys

print([p for p in sys.path if not p.startswith("/usr/local")], [getattr(f, "__name__", f) for f in sys.meta_path][-3:], len(sys.path_hooks))
print( sys.builtin_module_names[:3], len(sys.stdlib_module_names))
print(sys.prefix, sys.platlibdir, sys.pycache_prefix, sys.abiflags, sys.float_repr_style, sys.hash_info, sys.int_info)
print(sys.float_info, sys.thread_info, sys.api_version, sys.hexversion, sys.copyright[:20], sys.version)
print(sys.exc_info(), hasattr(sys, "last_type"), hasattr(sys, "ps1"), sys.tracebacklimit if hasattr(sys, "tracebacklimit") else None)
print(sys.breakpointhook.__name__, sys.get_asyncgen_hooks(), sys.get_coroutine_origin_tracking_depth(), sys.is_finalizing())
print( sys.getfilesystemencoding(), sys.getfilesystemencodeerrors(), sys.getdefaultencoding(), sys.flags.utf8_mode)
