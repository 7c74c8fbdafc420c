# SPDX-License-Identifier: Apache-2.0
# Where the carets stand: operators, calls over lines, wide letters, long lines, and where there are none.
import traceback


def show(f):
    try:
        f()
    except Exception:
        traceback.print_exc(file=__import__("sys").stdout)


a, b, empty = {"k": [1, 2]}, None, {}
show(lambda: a["k"][0]["x"] + 1)
show(lambda: a["k"] + b + 1)
show(lambda: (1 + 2) / (3 - 3) * 4)
show(lambda: "größe 測試" + 5)
show(lambda: print(
    max(1,
        "2")))
show(lambda: b.x.y.z)
show(lambda: [i / 0 for i in range(3)])
show(lambda: empty["a"]["b"])
show(lambda: (lambda x, /: x)(x=1))


class Broken:
    def __getattr__(self, name):
        raise AttributeError(f"{name} of Broken", name=name, obj=self)


show(lambda: Broken().thing.other)
raise RuntimeError("at the end") from ZeroDivisionError("the cause")
