"""docs/guarantees.md: what it names is there."""

import re
from pathlib import Path

from tests.mutations.mutation import GUARDS, read_mutations

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()


def test_every_test_and_every_command_is_there() -> None:
    named = re.findall(r"`((?:tests|deploy)/[^`]+|test_\w+\.py)`", PAGE)
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(named) > 15
    files = [name.partition("::")[0] for name in named]
    assert [name for name in files if name not in there and not list(ROOT.glob(name))] == []
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"`make (\w+)`", PAGE))
    assert targets
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


def test_every_promise_names_what_tries_to_break_it() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and not line.startswith("|---")]
    promises = [row for row in rows if not row.startswith(("| promise ", "| of what "))]
    assert len(promises) > 15
    assert [
        row for row in promises if not re.search(r"`(tests|deploy|make|test_)", row.split(" | ")[2])
    ] == []


def test_every_guard_has_a_mutation_and_every_mutation_its_guard() -> None:
    """Row by row: whose it is, what it says, and the tests that fail without it."""
    table = PAGE.partition("\n| of what | guard or rule |")[2].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    told = {(part, rule): re.findall(r"`(tests/[^`]+)`", tests) for part, rule, tests in rows}
    tried = dict[tuple[str, str], dict[str, None]]()
    for each in read_mutations(GUARDS):
        tried.setdefault((each.part, each.rule), {})[each.test] = None
    assert len(told) == len(rows)
    assert told == {row: list(tests) for row, tests in tried.items()}
    assert list(told) == list(tried)
