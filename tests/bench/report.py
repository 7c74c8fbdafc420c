# SPDX-License-Identifier: Apache-2.0
"""The figures as a table for a terminal and as one HTML page with its charts inside; no file or address outside is needed to read it."""

import html
import math

COLOURS = ["#3366cc", "#dc3912", "#ff9900", "#109618", "#990099", "#0099c6", "#dd4477"]
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 } th, td { padding: .25em .8em; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left } svg { display: block; margin: 1em 0 } svg text { font: 12px system-ui, sans-serif }
"""


def number(value):
    if value is None:
        return "-"
    if value == 0:
        return "0"
    return f"{value:.{max(0, 2 - int(math.floor(math.log10(abs(value)))))}f}"


def text_table(heads, rows):
    cells = [heads, *[[row[0], *[c if isinstance(c, str) else number(c) for c in row[1:]]] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    lines = ["  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))) for row in cells]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def html_table(heads, rows):
    head = "".join(f"<th>{html.escape(h)}</th>" for h in heads)
    body = ""
    for row in rows:
        body += "<tr>" + "".join(f"<td>{html.escape(c if isinstance(c, str) else number(c))}</td>" for c in row) + "</tr>"
    return f"<table><tr>{head}</tr>{body}</table>"


def bars(title, rows, unit):
    """Horizontal bars on a logarithmic scale. rows: (name, value, low, high)."""
    rows = [row for row in rows if row[1]]
    if not rows:
        return ""
    least = min(row[2] for row in rows) * 0.7
    most = max(row[3] for row in rows) * 1.4
    at = lambda v: 220 + 500 * (math.log(v) - math.log(least)) / (math.log(most) - math.log(least))  # noqa: E731
    parts = [f'<text x="0" y="14" font-weight="bold">{html.escape(title)}</text>']
    for i, (name, value, low, high) in enumerate(rows):
        y = 26 + 24 * i
        parts.append(f'<text x="0" y="{y + 12}">{html.escape(name)}</text>')
        parts.append(f'<rect x="220" y="{y}" width="{at(value) - 220:.1f}" height="16" fill="{COLOURS[i % len(COLOURS)]}"/>')
        parts.append(f'<line x1="{at(low):.1f}" x2="{at(high):.1f}" y1="{y + 8}" y2="{y + 8}" stroke="#222"/>')
        parts.append(f'<text x="{at(high) + 6:.1f}" y="{y + 12}">{number(value)} {unit}</text>')
    return svg(800, 30 + 24 * len(rows), parts)


def lines(title, series, unit, across):
    """Lines over linear axes from 0. series: {name: [(x, y), ...]}."""
    series = {name: points for name, points in series.items() if points}
    if not series:
        return ""
    x_most = max(x for points in series.values() for x, _ in points) or 1
    y_most = max(y for points in series.values() for _, y in points) or 1
    parts = [f'<text x="0" y="14" font-weight="bold">{html.escape(title)}</text>', '<path d="M60 24 V220 H640" fill="none" stroke="#999"/>']
    parts.append(f'<text x="0" y="34">{number(y_most)}</text><text x="0" y="50">{unit}</text>')
    parts.append(f'<text x="600" y="238">{number(x_most)} {html.escape(across)}</text>')
    for i, (name, points) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        path = " ".join(f"{60 + 580 * x / x_most:.1f},{220 - 190 * y / y_most:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="650" y="{34 + 16 * i}" fill="{colour}">{html.escape(name)}</text>')
    return svg(860, 244, parts)


def svg(width, height, parts):
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'


def page(title, parts):
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    return f"{head}<h1>{html.escape(title)}</h1>{''.join(parts)}</html>\n"
