"""Whoever waits is told for what: after two seconds, on standard error, as the terminal can show it."""

import asyncio
import io
from typing import cast

import pytest
from rich.console import Console

from worker import progress
from worker.progress import Progress


def lines(waiting: Progress) -> list[str]:
    return cast("io.StringIO", waiting._console.file).getvalue().splitlines()


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Progress:
    monkeypatch.setattr(progress, "_STEP", 0.01)
    return Progress(Console(file=io.StringIO(), width=80))


async def test_a_quick_answer_needs_no_word(waiting: Progress) -> None:
    async with waiting.told():
        with waiting.asking("metrics"):
            await asyncio.sleep(0.05)
        assert waiting.now() == ""
    assert lines(waiting) == []


async def test_what_takes_long_is_named_until_it_has_answered(
    waiting: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "QUIET", 0.0)
    async with waiting.told():
        with waiting.asking("metrics"), waiting.asking("database"):
            await asyncio.sleep(0.1)
        with waiting.asking("containers"):
            assert waiting.now().startswith("waiting for containers (")
    (line,) = lines(waiting)
    assert line.startswith("waiting for metrics, database (")


async def test_a_pause_says_why_and_until_when(waiting: Progress) -> None:
    async with waiting.told():
        await waiting.pause(0.05, "One look cannot tell: too young")
    assert lines(waiting) == [
        "One look cannot tell: too young",
        "Looking again in 50 ms; --once does not wait.",
    ]
