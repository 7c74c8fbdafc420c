// SPDX-License-Identifier: Apache-2.0
// Programs that show what the sandbox does. Each says which environment it needs; tests/browser runs every one.

const LETTERS = `from collections import Counter

text = "a sandbox is a box of sand: play in it, then smooth it over"

for letter, count in Counter(text.replace(" ", "")).most_common(6):
    print(f"{letter}  {'█' * count} {count}")
`;

const DRAWING = `# What the last line gives is shown, and what is left in the working folder comes back.
import math

points = [f"{150 + 6 * a * math.cos(a):.1f},{110 + 6 * a * math.sin(a):.1f}" for a in (i / 8 for i in range(128))]


class Drawing:
    def _repr_svg_(self):
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="220">'
            f'<polyline points="{" ".join(points)}" fill="none" stroke="#0f766e" stroke-width="3"/></svg>'
        )


with open("points.csv", "w") as file:
    file.write("x,y\\n" + "\\n".join(points) + "\\n")

Drawing()
`;

const PLOT = `# A figure that is left open, and the table that the last line gives.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

days = np.arange(60)
frame = pd.DataFrame({"day": days, "visitors": 200 + 3 * days + 40 * np.sin(days / 4)}).round()

frame.plot(x="day", y="visitors", figsize=(6, 3), legend=False)
plt.title("Visitors")

frame.describe()
`;

const NETWORK = `# A run has no network: not the internet, not the machine that it runs on.
import socket

for host, port in ("example.com", 443), ("1.1.1.1", 53), ("169.254.169.254", 80):
    try:
        socket.create_connection((host, port), timeout=2).close()
        print(f"{host}: reached")
    except OSError as problem:
        print(f"{host}: {problem}")
`;

const MEMORY = `# Takes one MiB after the other. The sandbox ends it; nobody else notices.
taken = []
while True:
    taken.append(bytearray(1 << 20))
    if len(taken) % 20 == 0:
        print(len(taken), "MiB")
`;

const FORKS = `# Each process starts others, without end. They stay 64, and end with the run.
import os

print("Forking ...")
while True:
    try:
        os.fork()
    except BlockingIOError:
        pass  # no more of them; try again
`;

const LOOP = `# Never ends. What it prints is seen at once, and Stop ends it before its time does.
import itertools
import time

for turn in itertools.count(1):
    print("round", turn)
    time.sleep(0.25)
`;

const TRACEBACK = `# The line that failed is marked.
prices = {"apple": 3, "pear": 4}


def total(basket):
    return sum(prices[fruit] * count for fruit, count in basket.items())


print(total({"apple": 2}))
print(total({"apple": 1, "quince": 5}))
`;

export const examples = [
	{ name: "Letters", about: "Prints a few lines.", environment: "base", code: LETTERS },
	{ name: "A drawing and a file", about: "Shows an SVG, and leaves a file to save.", environment: "base", code: DRAWING },
	{ name: "A plot and a table", about: "matplotlib and pandas, which are imported already.", environment: "science", code: PLOT },
	{ name: "A traceback", about: "Fails, and the line is marked.", environment: "base", code: TRACEBACK },
	{ name: "No network", about: "Tries to reach others.", environment: "base", code: NETWORK },
	{ name: "A memory bomb", about: "Takes memory until it is ended.", environment: "base", code: MEMORY },
	{ name: "A fork bomb", about: "Starts processes without end, for a second.", environment: "base", code: FORKS, seconds: "1" },
	{ name: "An endless loop", about: "Is ended after 2 seconds.", environment: "base", code: LOOP, seconds: "2" },
];
