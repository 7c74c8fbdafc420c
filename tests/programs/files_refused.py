# SPDX-License-Identifier: Apache-2.0
# Writing where one may not: the error is the system's own.
import errno

try:
    open("/proc/version", "w")
except OSError as e:
    print(errno.errorcode[e.errno] in ("EACCES", "EROFS", "ENOENT", "EPERM"), e.filename)
open("/nowhere/at/all", "w")
