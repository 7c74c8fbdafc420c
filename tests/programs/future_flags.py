# SPDX-License-Identifier: Apache-2.0
# No __future__ of whoever started the program leaks into it, and its own works.
import __future__


def f(a: 1 + 1):
    pass


space = {}
exec(compile("from __future__ import annotations\ndef g(a: 1 + 1): pass", "<g>", "exec"), space)
print(f.__annotations__, space["g"].__annotations__, __future__.annotations.compiler_flag)
