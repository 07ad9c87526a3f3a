#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ww experiment codec` and its program ww-codec."""
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from harness import BUILD, Directory, check, check_equal, check_in, run_tests, ww, ww_fails  # noqa

SHORT = ["--duration", "10ms", "--warmup", "0"]
FORMATS = ["whitewater", "protobuf", "json", "xml"]


def built():
    """What ww-codec says it can."""
    done = subprocess.run([BUILD / "ww-codec"], input="", capture_output=True, text=True,
                          timeout=60, check=True)
    ready = json.loads(done.stdout)
    check(ready["ready"], done.stdout)
    return ready["formats"]


def test_every_format_in_every_cell():
    formats = built()
    check("whitewater" in formats and "json" in formats, f"{formats}")
    with Directory() as output:
        done = ww("experiment", "codec", *SHORT, "--repeats", "2", "--counts", "1,16", "-o", output)
        check_equal(done.returncode, 0, done.errors)
        result = json.loads((output / "codec.json").read_text())
    check_equal([(c["entries"], c["count"], c["format"]) for c in result["cells"]],
                [(entries, count, name) for entries in ("64B", "1KiB", "fix") for count in (1, 16)
                 for name in FORMATS if name in formats], "cells")
    for cell in result["cells"]:
        check_equal(len(cell["runs"]), 2, "repeats")
        check(cell["encode_ns"] > 0 and cell["decode_ns"] > 0, f"{cell}")
        check(cell["bytes"] > cell["payload_bytes"] > 0, f"{cell}")
    sizes = {(c["entries"], c["count"]): c["bytes"] for c in result["cells"]
             if c["format"] == "whitewater"}
    check_equal(sizes["64B", 1], 64 + 4 + 56 + 4, "one entry: header, and padding to 8")
    check_equal(len(result["left_out"]), len(FORMATS) - len(formats), "left out")
    check_equal(len(result["plots"]), 3, "plots")
    for words in ("fix, 16 a batch", "encode", "x ours", *formats):
        check_in(words, done.text)


def test_a_part_of_it():
    done = ww("experiment", "codec", *SHORT, "--repeats", "1", "--counts", "256", "--formats",
              "whitewater,json", "--entries", "fix", "--format", "json")
    check_equal(done.returncode, 0, done.errors)
    check_equal([(c["entries"], c["count"], c["format"]) for c in json.loads(done.text)["cells"]],
                [("fix", 256, "whitewater"), ("fix", 256, "json")], "cells")


def test_bad_flags():
    for arguments, says in ((["--formats", "asn1"], ["--formats", "'asn1'", "protobuf"]),
                            (["--entries", "2KiB"], ["--entries", "'2KiB'", "fix"]),
                            (["--counts", "257"], ["--counts", "'257'"])):
        ww_fails(2, "experiment", "codec", *arguments, says=["ww experiment codec", *says])


def test_the_program_refuses_what_it_does_not_know():
    for line in ("run asn1 64 1 0 1\n", "run json 64 0 0 1\n", "run json 64 257 0 1\n", "stop\n"):
        done = subprocess.run([BUILD / "ww-codec"], input=line, capture_output=True, text=True,
                              timeout=60, check=False)
        check_equal(done.returncode, 1, done.stderr)
        check_in(line.strip(), done.stderr)


run_tests(globals())
