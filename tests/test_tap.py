#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the test runner's own arithmetic: it must never call a broken suite a passed one."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "integration"))
from harness import check_equal, run_tests  # noqa: E402
from tap import parse  # noqa: E402


def counts(output, exit_code=0):
    result = parse(output, exit_code)
    return result.passed, result.failed, result.skipped


def test_counts_each_kind():
    output = "TAP version 13\n1..4\nok - a\nnot ok - b\nok - c # SKIP no root\nok 4\n"
    check_equal(counts(output, 1), (2, 1, 1))


def test_plan_may_come_last():
    check_equal(counts("ok 1\nok 2\n1..2\n"), (2, 0, 0))


def test_no_plan_is_a_failure():
    check_equal(counts("ok 1\n"), (1, 1, 0))
    check_equal(counts(""), (0, 1, 0))


def test_fewer_or_more_cases_than_planned_are_a_failure():
    check_equal(counts("1..3\nok 1\nok 2\n"), (2, 1, 0))
    check_equal(counts("1..1\nok 1\nok 2\n"), (2, 1, 0))


def test_an_exit_code_without_a_failed_case_is_a_failure():
    check_equal(counts("1..1\nok 1\n", 139), (1, 1, 0))
    check_equal(counts("1..1\nnot ok 1\n", 1), (0, 1, 0))


def test_bail_out_is_a_failure():
    check_equal(counts("1..1\nok 1\nBail out! no disk\n", 1)[1], 2)


def test_nested_and_prose_lines_do_not_count():
    check_equal(counts("1..1\n# ok - not a case\n    ok - nested\nokay\nok 1\n"), (1, 0, 0))


def test_a_skipped_failure_is_a_failure():
    check_equal(counts("1..1\nnot ok 1 # SKIP\n", 1), (0, 1, 0))


def test_a_failure_keeps_its_explanation():
    output = "1..2\nnot ok - a\n  ---\n  failures: 3 is not 4\nok - b\n  prose\n"
    check_equal(parse(output, 1).problems, ["not ok - a\n      ---\n      failures: 3 is not 4"])


def test_summary_line():
    result = parse("1..2\nok 1\nok 2 # skip why\n", 0)
    check_equal(str(result), "1 passed, 0 failed, 1 skipped")
    check_equal(str(parse("1..1\nok 1\n", 0)), "1 passed, 0 failed")


if __name__ == "__main__":
    run_tests(globals())
