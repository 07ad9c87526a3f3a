#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the sources of the pages into C strings: embed.py OUTPUT.c INPUT...

page.css becomes ww_html_page_css; bench/html_sources.h declares them.
"""
import sys
from pathlib import Path


def literal(line):
    escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("??", '?""?')
    return f'    "{escaped}\\n"'


def main():
    output, *inputs = sys.argv[1:]
    parts = ['#include "bench/html_sources.h"']
    for path in map(Path, inputs):
        text = path.read_text(encoding="ascii")
        if path.suffix == ".js" and "</script" in text:
            sys.exit(f"{path}: '</script' would end the script")
        name = path.name.replace(".", "_")
        lines = "\n".join(literal(line) for line in text.splitlines())
        parts.append(f"const char ww_html_{name}[] =\n{lines};")
    Path(output).write_text("\n\n".join(parts) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
