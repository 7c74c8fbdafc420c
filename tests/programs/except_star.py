# SPDX-License-Identifier: Apache-2.0
# except* takes a group apart; the rest is raised again.
try:
    raise ExceptionGroup("g", [ValueError(1), KeyError("k"), OSError(2, "gone")])
except* ValueError as g:
    print("values", g.exceptions)
except* OSError as g:
    print("os", [e.errno for e in g.exceptions])
