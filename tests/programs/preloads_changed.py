# SPDX-License-Identifier: Apache-2.0
# What a program does to a module that was there before stays its own business, and works as anywhere.
import json
import random
import re

random.random = lambda: 0.25
print(random.random(), random.Random(5).random(), random.choice([7]))
json.encoder.FLOAT_REPR = str
json.JSONEncoder.default = lambda self, value: repr(type(value).__name__)
print(json.dumps({"a": object(), "b": [1.5, None, True]}, sort_keys=True))
re.purge()
print(re.sub("(a)(?P<x>b)?", r"[\g<x>]", "ab a"), re.compile("x", re.I).flags, re.escape("a.b"))
import collections

collections.Counter.most = lambda self: self.most_common(1)
print(collections.Counter("hello").most(), collections.namedtuple("P", "x y")(1, 2))
