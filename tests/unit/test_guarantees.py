"""docs/guarantees.md: what it names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()


def test_every_test_and_every_command_is_there() -> None:
    named = re.findall(r"`((?:tests|deploy)/[^`]+|test_\w+\.py)`", PAGE)
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(named) > 15
    assert [name for name in named if name not in there and not list(ROOT.glob(name))] == []
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"`make (\w+)`", PAGE))
    assert targets
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


def test_every_promise_names_what_tries_to_break_it() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and not line.startswith("|---")]
    promises = [row for row in rows if not row.startswith("| promise ")]
    assert len(promises) > 15
    assert [
        row for row in promises if not re.search(r"`(tests|deploy|make|test_)", row.split(" | ")[2])
    ] == []
