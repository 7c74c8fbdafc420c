# SPDX-License-Identifier: Apache-2.0
# Notes on exceptions, on groups and on what they hold, and notes that are not text.
try:
    try:
        int("x")
    except ValueError as e:
        e.add_note("first note")
        e.add_note("second\nof two lines")
        raise
except ValueError as e:
    print(e.__notes__)
    later = e
try:
    later.add_note(5)
except TypeError as e:
    print(e)
inner = KeyError("inner")
inner.add_note("of the inner one")
group = ExceptionGroup("a group", [inner, ExceptionGroup("nested", [OSError(2, "no file"), later])])
group.add_note("of the group")
group.__notes__ = (*group.__notes__, 7)
raise group
