# SPDX-License-Identifier: Apache-2.0
# An exception group with notes, uncaught.
def one():
    raise ValueError("first")


def two():
    raise TypeError("second")


errors = []
for f in (one, two):
    try:
        f()
    except Exception as e:
        e.add_note("seen in " + f.__name__)
        errors.append(e)
raise ExceptionGroup("both went wrong", errors)
