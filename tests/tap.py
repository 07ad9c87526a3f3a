# SPDX-License-Identifier: Apache-2.0
"""Reads the output of a test suite in the Test Anything Protocol and counts its test cases."""
import re
from dataclasses import dataclass, field

CASE = re.compile(r"^(not ok|ok)\b(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)\s*(#.*)?$")
DETAIL_LINES = 20
SKIP = re.compile(r"#\s*skip\b", re.IGNORECASE)


@dataclass
class Result:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    problems: list = field(default_factory=list)  # what the reader of a failure wants to see

    def fail(self, problem):
        self.failed += 1
        self.problems.append(problem)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.problems += other.problems

    def __str__(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def parse(output, exit_code):
    """A suite that died, or said less than it planned, or failed in silence, counts as failed."""
    result = Result()
    planned = None
    detail = DETAIL_LINES  # lines of explanation seen behind the last failed case
    for line in output.splitlines():
        plan = PLAN.match(line)
        case = CASE.match(line)
        if plan:
            planned = int(plan.group(1))
        elif line.startswith("Bail out!"):
            result.fail(line)
        elif case and SKIP.search(case.group(2)) and case.group(1) == "ok":
            result.skipped += 1
        elif case and case.group(1) == "ok":
            result.passed += 1
        elif case:
            result.fail(line)
        if case:
            detail = 0 if case.group(1) == "not ok" else DETAIL_LINES
        elif detail < DETAIL_LINES and line.startswith(("  ", "#  ")):
            result.problems[-1] += "\n    " + line
            detail += 1
    seen = result.passed + result.failed + result.skipped
    if planned is None:
        result.fail("no plan: the suite did not run to its end")
    elif seen != planned:
        result.fail(f"{seen} test cases instead of {planned}")
    elif exit_code != 0 and result.failed == 0:
        result.fail(f"exit code {exit_code} though no test case failed")
    return result
