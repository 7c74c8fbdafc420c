# SPDX-License-Identifier: Apache-2.0
# Classes of __main__ survive pickling, in the same process and in a child.
import copyreg
import pickle
import shelve
import subprocess
import sys


class Money:
    def __init__(self, amount):
        self.amount = amount

    def __reduce__(self):
        return Money, (self.amount,)

    def __eq__(self, other):
        return self.amount == other.amount


for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
    assert pickle.loads(pickle.dumps(Money(5), protocol)) == Money(5)
print(pickle.dumps(Money(5), 0))
with shelve.open("shelf") as s:
    s["m"] = Money(7)
with shelve.open("shelf") as s:
    print(s["m"].amount, list(s))
open("p", "wb").write(pickle.dumps({"a": (1, 2)}))
print(subprocess.check_output([sys.executable, "-c", "import pickle; print(pickle.load(open('p', 'rb')))"], text=True))
try:
    pickle.dumps(lambda: 0)
except Exception as e:
    print(type(e).__name__, "lambda" in str(e))
