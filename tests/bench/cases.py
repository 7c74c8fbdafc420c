# SPDX-License-Identifier: Apache-2.0
"""What is run, and what it must print. Each is an ordinary script, the same for everybody who is measured."""

import dataclasses

CPU_LOOPS = 600_000  # about 50 ms of plain CPython on the machine that this was written on


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    code: str
    output_bytes: int = 0  # 0: any
    environment: str = "base"
    cpus: float = 0  # 0: the server's default
    rounds: float = 1  # a share of the rounds that were asked for


STDLIB = """
import collections, dataclasses, datetime, json, random, re, typing, urllib.parse

@dataclasses.dataclass
class Point:
    x: int
    y: typing.Optional[int] = None

words = re.findall(r"[a-z]+", "the quick brown fox jumps over the lazy dog " * 20)
counts = collections.Counter(words).most_common(3)
random.seed(7)
points = [dataclasses.asdict(Point(random.randrange(9), n)) for n in range(50)]
text = json.dumps({"counts": counts, "points": points, "when": datetime.date(2024, 2, 29).isoformat()})
print(len(json.loads(text)["points"]), urllib.parse.quote("a b&c"), counts[0][0])
"""

PLOT = """
import io
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
figure, axes = plt.subplots()
axes.plot([1, 4, 9, 16], label="squares")
axes.legend()
out = io.BytesIO()
figure.savefig(out, format="png")
print(out.getvalue()[1:4].decode())
"""

CASES = [
    Case("print(2+2)", "print(2+2)", 2),
    Case("standard library", STDLIB, 17),
    Case("import numpy", "import numpy\nprint(4)", 2, "science", rounds=0.5),
    Case("import pandas", "import pandas\nprint(4)", 2, "science", rounds=0.2),
    Case("matplotlib PNG", PLOT, 4, "science", rounds=0.1),
    Case("50 ms of CPU", f"n = 0\nfor i in range({CPU_LOOPS}):\n    n += i * i\nprint(n % 7)", 2, cpus=1, rounds=0.5),
    Case("1 MiB of output", "print('x' * 1048575)", 1 << 20, rounds=0.5),
]
AT_ONCE = [1, 2, 8, 64, 256]
PRELOAD = {
    "base": "json re random datetime collections math itertools functools typing dataclasses".split(),
    "science": "numpy pandas matplotlib matplotlib.pyplot".split(),
}
