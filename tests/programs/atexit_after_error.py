# SPDX-License-Identifier: Apache-2.0
# Handlers run after an uncaught exception as well, and the status is 1.
import atexit

atexit.register(print, "handler")
raise LookupError("main fails")
