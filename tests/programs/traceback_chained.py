# SPDX-License-Identifier: Apache-2.0
# "During handling" and "direct cause", both printed in the order of python.
class Refused(Exception):
    pass


def parse(text):
    try:
        return int(text)
    except ValueError as e:
        raise Refused("not a number") from e


try:
    parse("forty-two")
except Refused:
    [][1]
