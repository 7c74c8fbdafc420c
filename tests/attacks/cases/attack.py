# SPDX-License-Identifier: Apache-2.0
"""What an attack is, and the few lines that every attack begins with.

An attack prints one line: BLOCKED when each thing it tried gave exactly what the named layer answers, ESCAPED otherwise. An errno
that some other cause could give proves nothing, so the wanted one is named, and where the kernel itself would answer the same
without the layer, the attack is made in a way that it would not (a bad pointer instead of a missing right, for instance).
"""

import dataclasses
import textwrap

PREAMBLE = '''\
import ctypes, errno, os, sys

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.prctl(15, b"@MARK@")  # PR_SET_NAME: by this name the test looks for what is left


def call(number, *arguments):
    """A raw system call with 64-bit arguments: its result, or the name of its errno."""
    ctypes.set_errno(0)
    result = libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in (number, *arguments)])
    return errno.errorcode[ctypes.get_errno()] if result == -1 else result


def attempt(f, *arguments, **named):
    """What f gives, or the name of its errno."""
    try:
        return f(*arguments, **named)
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))


def judge(wanted, *unnamed, **got):
    """BLOCKED when everything got is among the wanted, ESCAPED and what is not otherwise."""
    got.update(zip(map(str, range(len(unnamed))), unnamed))
    bad = {key: value for key, value in got.items() if value not in wanted}
    print("ESCAPED" if bad or not got else "BLOCKED", bad or got)


'''


@dataclasses.dataclass(frozen=True)
class Attack:
    name: str
    wants: str  # what the attacker is after
    layer: str  # what stops it
    code: str  # after the preamble; @NAMES@ are filled in by the test
    expect: str = ""  # instead of a BLOCKED line: how the error of the answer ends
    also: str = ""  # a sentence of the server that is as good
    documented: str = ""  # not stopped, and SECURITY.md says so in these words
    read_only: bool = False
    before: str = ""  # code of an earlier run, in every slot
    neighbour: bool = False  # beside another run that lays out baits
    is_slow: bool = False  # takes the whole wall time

    def text(self, **names):
        code = PREAMBLE + textwrap.dedent(self.code)
        for name, value in names.items():
            code = code.replace(f"@{name}@", str(value))
        return code
