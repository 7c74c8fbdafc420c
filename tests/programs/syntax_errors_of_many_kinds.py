# SPDX-License-Identifier: Apache-2.0
# What Python says about each of them, with its carets.
import sys
import traceback

SOURCES = ["if x\n  y", "x = (1,\n", "print 'a'", "f(a for a in b, c)", "x = 5 = y", "def f(a, a): pass", "return 1", "break", "a := 1", "x = 'abc",
           "'''abc", "x = 08", "1__0", "f(**a, *b)", "del f()", "lambda: (yield)\nawait x", "async def f(): [x async for x in y]; yield from z",
           "global x; x = 1; global x", "def f():\n  x = 1\n  global x", "from __future__ import nothing", "x = 1\n  y = 2", "if 1:\npass", "\tx\n  y",
           "import a.b as c.d", "with a as 1: pass", "match x:\n  case a | b: pass", "try: pass\nexcept A: pass\nexcept* B: pass", "f'{x!z}'", "f'{'",
           "b'ä'", "'\\N{no such}'", "x = $", "x = 1 +", "класс x", "None = 1", "{**a for a in b}", "(a, b): int = 1", "print(a b)", "{1: 2, 3}",
           "class A\n  pass", "for x in y pass", "while True print(1)", "else:\n  pass", "nonlocal x", "\u00a0x = 1", "x = \u201ca\u201d", "a = 1;; b = 2"]
for source in SOURCES:
    try:
        compile(source, "<source>", "exec")
        print(repr(source), "is fine")
    except SyntaxError as e:
        print(*traceback.format_exception_only(type(e), e), sep="", end="")
        print((e.lineno, e.offset, e.end_lineno, e.end_offset), type(e).__name__, file=sys.stderr)
eval("1 + + * 2")
