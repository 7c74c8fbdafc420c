# SPDX-License-Identifier: Apache-2.0
# doctest finds the examples of __main__.
import doctest


def double(n):
    """Twice n.

    >>> double(4)
    8
    >>> double("ab")
    'abba'
    """
    return n * 2


print(doctest.testmod())
