"""docs/runbook.md: every line of the runbook has its place and its test, and both are there."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAP = (ROOT / "docs" / "runbook.md").read_text()
TEMPLATE, ADVICE = "tests/unit/test_report_template.py", "tests/unit/test_report_advice.py"
MARKS = ("**advice in the report**",)
LINES = {
    "Alert details": 4,
    "Symptoms": 5,
    "Root causes": 5,
    "Investigation": 9,
    "Immediate actions": 8,
    "Short-term fixes": 4,
    "Long-term solutions": 10,
    "Success criteria": 5,
    "Verification commands": 3,
    "Post-incident": 9,
    "Escalation": 10,
}
"""So many lines each part of the runbook has."""


@dataclass(frozen=True)
class Row:
    """One line of the runbook, as the page tells it."""

    part: str
    runbook: str
    told: str
    where: str
    tests: tuple[str, ...]

    @property
    def files(self) -> list[str]:
        return re.findall(r"`([^`]+)`", self.where)


def rows() -> list[Row]:
    found = []
    for section in MAP.split("\n## ")[1:]:
        part, _, text = section.partition("\n")
        for line in text.splitlines():
            if line.startswith("|") and not line.startswith(("| runbook |", "|---")):
                cells = [cell.strip() for cell in line.strip("|").split(" | ")]
                runbook, told, where, test = cells
                found.append(Row(part, runbook.strip("| "), told, where, named(test)))
    return found


def named(text: str) -> tuple[str, ...]:
    """Tests that a text names, as pytest calls them."""
    return tuple(re.findall(r"`(tests/[^`]*\.py::[^`]+)`", text))


def collected(files: set[str]) -> set[str]:
    """What pytest finds in these files, without parameters."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        *sorted(files),
    ]
    plain = os.environ | {"PYTEST_ADDOPTS": ""}
    said = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, check=True)
    return {line.partition("[")[0] for line in said.stdout.splitlines() if "::" in line}


ROWS = rows()


def test_every_part_of_the_runbook_has_its_lines() -> None:
    assert {part: sum(row.part == part for row in ROWS) for part in LINES} == LINES
    assert {row.part for row in ROWS} == set(LINES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.part}: {row.runbook}"[:60])
def test_every_line_has_a_place_that_is_there_and_a_test(row: Row) -> None:
    assert row.tests
    assert row.files
    assert [file for file in row.files if not (ROOT / file).is_file()] == []
    marks = re.findall(r"\*\*[^*]+\*\*", row.told)
    assert [mark for mark in marks if mark not in MARKS] == []
    if MARKS[0] in marks:
        assert all(file.startswith("activities/advice") for file in row.files)
        assert {test.partition("::")[0] for test in row.tests} <= {TEMPLATE, ADVICE}


def test_every_test_is_one() -> None:
    asked = set(named(MAP))
    assert asked >= {test for row in ROWS for test in row.tests}
    assert asked - collected({test.partition("::")[0] for test in asked}) == set()


def test_what_is_not_a_test_would_be_noticed() -> None:
    here = "tests/unit/test_runbook_map.py"
    found = collected({here})
    assert f"{here}::test_what_is_not_a_test_would_be_noticed" in found
    assert f"{here}::collected" not in found
