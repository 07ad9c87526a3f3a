#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of docs/style that no other tool checks: sizes, licence lines, layering of includes.

Usage: tidy.py [ROOT]. Prints FILE:LINE: what is wrong, and exits with 1 when there is something.
"""
import re
import subprocess
import sys
from pathlib import Path

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 100
UNFINISHED = re.compile(r"\b(" + "TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SCRIPTS = {"dev", ".ci/run"}

# A folder, and the only folders of ours that its files may include from.
ALLOWED = {
    "include/": ("whitewater/",),
    "engine/base/": ("engine/base/",),
    "engine/wire/": ("engine/wire/", "engine/base/"),
    "engine/raft/": ("engine/raft/", "engine/wire/", "engine/base/"),
    "engine/backend/": ("engine/backend/", "engine/snapshot/", "engine/wire/", "engine/base/"),
    "engine/machine/": ("engine/machine/", "engine/wire/", "engine/base/"),
    "engine/session/": ("engine/session/", "engine/base/"),
    "engine/snapshot/": ("engine/snapshot/", "engine/wire/", "engine/base/"),
    "engine/control/": ("engine/control/", "engine/base/"),
    "engine/stages/": ("engine/stages/", "engine/groups/", "engine/raft/", "engine/backend/",
                       "engine/machine/", "engine/session/", "engine/snapshot/", "engine/wire/",
                       "engine/base/"),
    "dpdk_io/": ("dpdk_io/", "engine/backend/", "engine/wire/", "engine/base/"),
    "wal_uring/": ("wal_uring/", "engine/backend/", "engine/snapshot/", "engine/wire/",
                   "engine/base/"),
}
ROOTS = ("engine/", "dpdk_io/", "wal_uring/", "bench/", "tests/")
BACKENDS = ("dpdk_io/", "wal_uring/")
BACKENDS_ALLOWED_IN = ("engine/node/node.c",)


def language_of(path):
    if path.endswith((".c", ".h")):
        return "c"
    if path.endswith((".py", ".sh")) or path in SCRIPTS:
        return "script"
    if path.endswith((".js", ".css", ".html")):
        return "page"
    if path.endswith("meson.build"):
        return "build"
    return None


def check_lines(lines, language):
    if len(lines) > FILE_LINES_MAX:
        yield FILE_LINES_MAX + 1, f"{len(lines)} lines in one file; at most {FILE_LINES_MAX}"
    head = lines[:3] if language != "c" else lines[:1]
    if language != "build" and not any("SPDX-License-Identifier: Apache-2.0" in h for h in head):
        yield 1, "no SPDX-License-Identifier: Apache-2.0 at the start"
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_COLUMNS_MAX:
            yield number, f"{len(line)} columns; at most {LINE_COLUMNS_MAX}"
        if UNFINISHED.search(line):
            yield number, "unfinished work"
        if line != line.rstrip():
            yield number, "blank at the end of the line"
        if "\t" in line:
            yield number, "tab"


def check_functions(lines):
    """clang-format puts the braces of a function, and only those, into the first column."""
    opened = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            opened = number
        elif line == "}" and opened is not None:
            length = number - opened + 1
            if length > FUNCTION_LINES_MAX:
                yield opened, f"{length} lines in one function; at most {FUNCTION_LINES_MAX}"
            opened = None


def may_include(path, target):
    """Whether a file may include a header of ours, and if not, why."""
    if path.startswith("engine/") and target.startswith(BACKENDS):
        if path not in BACKENDS_ALLOWED_IN:
            return "only engine/node/node.c may name a backend"
    for folder, allowed in ALLOWED.items():
        if path.startswith(folder) and not target.startswith((*allowed, "whitewater/")):
            return f"{folder} may include from {' '.join(allowed)} only"
    return None


def check_includes(path, lines):
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quoted, target = match.group(1) == '"', match.group(2)
        fixture = path.startswith("tests/") and "/" not in target
        if quoted and not fixture and not target.startswith(ROOTS):
            yield number, f'"{target}" is not a path from the root'
            continue
        ours = quoted or target.startswith("whitewater/")
        why = may_include(path, target) if ours else None
        if why:
            yield number, f"includes {target}: {why}"


def check_file(path, text):
    """All that is wrong with a file, as (line, text)."""
    language = language_of(path)
    if language is None:
        return []
    lines = text.splitlines()
    found = list(check_lines(lines, language))
    if language == "c":
        found += check_functions(lines)
        found += check_includes(path, lines)
    if text and not text.endswith("\n"):
        found.append((len(lines), "no newline at the end of the file"))
    return sorted(found)


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                             cwd=root, capture_output=True, text=True, check=True).stdout
    wrong = 0
    for path in sorted(set(listing.splitlines())):
        if language_of(path) and (root / path).is_file():
            for line, what in check_file(path, (root / path).read_text()):
                print(f"{path}:{line}: {what}")
                wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
