#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the floors of ARCHITECTURE.md: a file includes only its own folder and lower floors. Also that no HTTP library, JSON
library, Python or namespace code is included where it has no business, and that no file holds a forbidden word. Usage: floors.py [SOURCE FOLDER]"""
import pathlib
import re
import sys

FLOORS = {
    "base": 0,
    "spec": 1, "wire": 1,
    "http": 2, "cell": 2, "sandbox": 2, "provider": 2,
    "service": 3, "jobs": 3,
    "api": 4,
    "cli": 5, "front": 5, "warden": 5, "docker": 5, "zygote": 5, "store": 5, "sender": 5,
}

# Neighbours on one floor do not know each other, but for these: who, whom, why.
NEIGHBOURS = {
    ("wire", "spec"): "a job frame carries limits, a verdict frame a result",
}

# Lower floors that a folder must not see all the same: who, whom, why.
HIDDEN = {
    ("service", "cell"): "cell is never linked into the front",
    ("api", "cell"): "cell is never linked into the front",
    ("front", "cell"): "cell is never linked into the front",
    ("service", "provider"): "what providers share is theirs alone",
    ("api", "provider"): "what providers share is theirs alone",
    ("front", "provider"): "what providers share is theirs alone",
    ("cli", "provider"): "what providers share is theirs alone",
    ("zygote", "provider"): "what providers share is theirs alone",
    ("warden", "http"): "no provider speaks HTTP to strangers",
    ("warden", "service"): "a provider does not see the front's floors",
    ("warden", "api"): "a provider does not see the front's floors",
    ("docker", "http"): "no provider speaks HTTP to strangers",
    ("docker", "service"): "a provider does not see the front's floors",
    ("docker", "api"): "a provider does not see the front's floors",
    ("zygote", "http"): "the zygote holds Python and nothing of the front",
    ("zygote", "service"): "the zygote holds Python and nothing of the front",
    ("zygote", "api"): "the zygote holds Python and nothing of the front",
    ("cli", "cell"): "the command line makes no sandbox",
    ("cli", "http"): "the command line serves nothing itself",
    ("cli", "service"): "the command line serves nothing itself",
    ("cli", "api"): "the command line serves nothing itself",
}

# Foreign headers: which folders alone may include them.
FOREIGN = {
    r"Python\.h|patchlevel\.h": {"zygote"},
    r"microhttpd\.h": {"http"},
    r"curl/.*": {"cli", "docker", "sender"},
    r"ini\.h": {"cli"},
    r"seccomp\.h": {"cell", "front", "sandbox", "sender", "store", "warden"},
    r"sched\.h|sys/mount\.h|linux/mount\.h": {"cell", "warden", "zygote"},
}

# Words that no file may hold: which, why.
FORBIDDEN = {
    "SECCOMP_USER_NOTIF_FLAG_CONTINUE": "a guest's refused call is never let go on",
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def fault(folder, ours, foreign):
    """One sentence when a file of `folder` must not include this, else None."""
    if foreign:
        for pattern, allowed in FOREIGN.items():
            if re.fullmatch(pattern, foreign) and folder not in allowed:
                return f"<{foreign}> belongs to {', '.join(sorted(allowed))} only"
        return None
    target = ours.split("/")[0] if "/" in ours else None
    if target not in FLOORS:
        return f'"{ours}" is not of the form "folder/file.h"'
    if target == folder:
        return None
    if (folder, target) in HIDDEN:
        return f"{folder} includes {target}: {HIDDEN[folder, target]}"
    if FLOORS[target] < FLOORS[folder] or (folder, target) in NEIGHBOURS:
        return None
    relation = "its neighbour" if FLOORS[target] == FLOORS[folder] else "a higher floor,"
    return f"{folder} (F{FLOORS[folder]}) includes {relation} {target} (F{FLOORS[target]})"


def faults(source):
    """Every fault of a tree, as `file:line: sentence`."""
    for path in sorted(source.rglob("*.[ch]")) + sorted(source.rglob("*.def")):
        folder = path.relative_to(source).parts[0]
        if folder not in FLOORS:
            yield f"{path}:1: the folder {folder} is on no floor"
            continue
        text = path.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            sentence = fault(folder, match[1], match[2])
            if sentence:
                yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {sentence}"
        for word in FORBIDDEN.keys() & set(re.findall(r"\w+", text)):
            yield f"{path}:{text.count(chr(10), 0, text.index(word)) + 1}: {word}: {FORBIDDEN[word]}"


def main():
    source = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "src")
    if not any(source.rglob("*.c")):
        sys.exit(f"{source} holds no C file: wrong folder?")
    found = list(faults(source))
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
