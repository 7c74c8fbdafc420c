# SPDX-License-Identifier: Apache-2.0
"""embed.py C HEADER FILE...: writes a C file that holds the page's files, for src/api/assets.h, and a header with the hash by which the
page's policy allows one of them as a style inside a document."""
import base64
import hashlib
import os
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


FRAMED = "display.css"


def write_hash(header, files):
    name = next(name for name in files if os.path.basename(name) == FRAMED)
    with open(name, "rb") as f:
        digest = base64.b64encode(hashlib.sha256(f.read()).digest()).decode()
    with open(header, "w") as f:
        f.write(f'/* Made by script/embed.py. */\n#pragma once\n#define ASSET_HASH_DISPLAY_CSS "sha256-{digest}"\n')


def main(out, header, files):
    write_hash(header, files)
    lines = ["/* SPDX-License-Identifier: Apache-2.0 */", "/* Made by script/embed.py. */", '#include "api/assets.h"', ""]
    rows = []
    for number, name in enumerate(files):
        with open(name, "rb") as f:
            data = f.read()
        base, ext = os.path.splitext(os.path.basename(name))
        path = "/" if base == "index" else f"/{base}" if ext == ".html" else f"/{base}{ext}"
        lines.append(f"static const unsigned char file_{number}[] = {{")
        lines += ["\t" + ",".join(map(str, data[i:i + 32])) + "," for i in range(0, len(data), 32)]
        lines += ["};", ""]
        rows.append(f'\t{{ "{path}", "{TYPES[ext]}", file_{number}, sizeof file_{number} }},')
    lines += ["const struct asset assets[] = {", *rows, "};", f"const size_t assets_count = {len(rows)};", ""]
    with open(out, "w") as f:
        f.write("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
