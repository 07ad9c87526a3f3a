#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of tidy.py: each rule on a file that keeps it and on one that breaks it."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
from harness import check_equal, run_tests  # noqa: E402
from tidy import check_file  # noqa: E402

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"


def found(path, text):
    return [what.split(";")[0].split(":")[0] for _, what in check_file(path, text)]


def includes(path, target, quoted=True):
    name = f'"{target}"' if quoted else f"<{target}>"
    return found(path, f"{SPDX}#include {name}\n")


def test_a_good_file_has_nothing_wrong():
    good = SPDX + '#include "engine/base/assert.h"\n\nint f(void)\n{\n    return 0;\n}\n'
    check_equal(found("engine/raft/raft.c", good), [])


def test_licence_line_is_first():
    check_equal(found("engine/base/a.c", "int x;\n"), ["no SPDX-License-Identifier"])
    check_equal(found("engine/base/a.c", "\n" + SPDX), ["no SPDX-License-Identifier"])
    check_equal(found("dev", "#!/bin/bash\n# SPDX-License-Identifier: Apache-2.0\n"), [])
    check_equal(found("dev", "#!/bin/bash\n"), ["no SPDX-License-Identifier"])
    check_equal(found("bench/html/a.js", "// SPDX-License-Identifier: Apache-2.0\n"), [])
    for name in ("a.js", "a.css", "a.html"):
        check_equal(found(f"bench/html/{name}", "x\n"), ["no SPDX-License-Identifier"])


def test_file_length():
    check_equal(found("engine/base/a.c", SPDX + "int x;\n" * 499), [])
    check_equal(found("engine/base/a.c", SPDX + "int x;\n" * 500), ["501 lines in one file"])


def test_function_length():
    for lines, wanted in ((68, []), (69, ["71 lines in one function"])):
        text = SPDX + "int f(void)\n{\n" + "    f();\n" * lines + "}\n"
        check_equal(found("engine/base/a.c", text), wanted)


def test_line_length():
    check_equal(found("engine/base/a.c", SPDX + "x" * 100 + "\n"), [])
    check_equal(found("engine/base/a.c", SPDX + "x" * 101 + "\n"), ["101 columns"])


def test_unfinished_work_tabs_and_blanks():
    check_equal(found("engine/base/a.c", SPDX + "/* TO" + "DO */\n"), ["unfinished work"])
    check_equal(found("engine/base/a.c", SPDX + "\tx\n"), ["tab"])
    check_equal(found("engine/base/a.c", SPDX + "x \n"), ["blank at the end of the line"])
    check_equal(found("engine/base/a.c", SPDX + "x"), ["no newline at the end of the file"])


def test_raft_sees_base_and_wire_only():
    check_equal(includes("engine/raft/a.c", "engine/wire/batch.h"), [])
    check_equal(includes("engine/raft/a.c", "whitewater/status.h", quoted=False), [])
    check_equal(includes("engine/raft/a.c", "string.h", quoted=False), [])
    check_equal(includes("engine/raft/a.c", "engine/backend/clock.h"),
                ["includes engine/backend/clock.h"])
    check_equal(includes("engine/raft/a.c", "engine/stages/agent.h"),
                ["includes engine/stages/agent.h"])


def test_stages_see_no_backend_but_its_interface():
    check_equal(includes("engine/stages/a.c", "engine/backend/transport.h"), [])
    for target in ("dpdk_io/dpdk_io.h", "wal_uring/wal_uring.h"):
        check_equal(includes("engine/stages/a.c", target), [f"includes {target}"])


def test_only_node_c_names_backends():
    for target in ("dpdk_io/dpdk_io.h", "wal_uring/wal_uring.h"):
        check_equal(includes("engine/node/node.c", target), [])
        check_equal(includes("engine/node/config.c", target), [f"includes {target}"])
        check_equal(includes("engine/cli/cmd_node.c", target), [f"includes {target}"])
        check_equal(includes("bench/limits.c", target), [])
        check_equal(includes("tests/unit/x/test_x.c", target), [])


def test_backends_do_not_know_each_other():
    check_equal(includes("dpdk_io/a.c", "wal_uring/wal_uring.h"),
                ["includes wal_uring/wal_uring.h"])
    check_equal(includes("wal_uring/a.c", "engine/backend/log_store.h"), [])


def test_includes_are_paths_from_the_root():
    check_equal(includes("engine/base/a.c", "assert.h"), ['"assert.h" is not a path from the root'])
    check_equal(includes("tests/unit/engine/base/test_a.c", "fixture.h"), [])


def test_other_files_are_left_alone():
    check_equal(found("docs/a.md", "x" * 200), [])
    check_equal(found("LICENSE", "\tx"), [])


if __name__ == "__main__":
    run_tests(globals())
