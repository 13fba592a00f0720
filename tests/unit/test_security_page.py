"""SECURITY.md: what it names is there, every row says what is not defended, and it can be found."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "SECURITY.md").read_text()


def test_what_it_names_is_there() -> None:
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    named = re.findall(r"`((?:tests/\w+/)?test_\w+\.py)`", PAGE)
    assert len(named) > 6
    assert [name for name in named if name not in there and not (ROOT / name).is_file()] == []
    links = re.findall(r"\]\(([^)]+)\)", PAGE)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
    targets = re.findall(r"`make (\w+)`", PAGE)
    makefile = (ROOT / "Makefile").read_text()
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


def test_every_row_says_what_keeps_the_rest_and_what_does_not() -> None:
    rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
    assert len(rows) > 12
    assert {len(row) for row in rows} == {4}
    assert all(row[2] for row in rows)


def test_it_names_nobody_and_is_linked() -> None:
    assert "://" not in PAGE
    assert "@" not in PAGE
    assert "(SECURITY.md)" in (ROOT / "README.md").read_text()
    assert "(../SECURITY.md)" in (ROOT / "docs" / "guarantees.md").read_text()
