"""The story of a drill in plain words: what is new since the last look, and what happens now."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from deploy.demo.scene import Scene
from deploy.demo.times import Times
from workflows.attempts import may_have_touched
from workflows.models.report import Ending, Report
from workflows.wording import counted, percent

FULL, FREE = 0.95, 0.70
LONGEST_LINE = 190


class Way(NamedTuple):
    """One way to approve: its name, and what to type or do."""

    name: str
    text: str


class Narrator(ABC):
    """Tells a person what goes on. ``is_interactive``: somebody can answer."""

    is_interactive = False

    def __init__(self, times: Times) -> None:
        self.times = times
        self.news = News()
        self.places: dict[str, str] = {}
        """Where to look: addresses by what they are."""

    @abstractmethod
    def say(self, text: str) -> None:
        """One happening, with its time."""

    @abstractmethod
    def show(self, scene: Scene) -> None:
        """Another look; says what is new in it."""

    @abstractmethod
    def offer(self, ways: Sequence[Way]) -> None:
        """The ways to approve, ready to be copied."""

    def describe(self, scene: Scene) -> str:
        """What happens now, and how the pool stands, in a sentence."""
        return f"{describe_now(scene, self.times)} {describe_pool(scene)}"


class News:
    """Knows what was told already."""

    def __init__(self) -> None:
        self._told = 0
        self._is_full = False
        self._is_suffering = False
        self._size: int | None = None

    def of(self, scene: Scene) -> list[tuple[datetime, str]]:
        """What is new, each with its time, in order."""
        entries = scene.report.timeline[self._told :] if scene.report else ()
        self._told += len(entries)
        seen = [(scene.at, text) for text in (*self._pool(scene), *self._users(scene))]
        return sorted([*((entry.at, shorten(entry.text)) for entry in entries), *seen])

    def _pool(self, scene: Scene) -> Iterator[str]:
        pool = scene.pool
        if pool is None:
            return
        if self._size not in (None, pool.size):
            yield f"The application's pool has {pool.size} connections now, {self._size} before."
        self._size = pool.size
        # Between full and free nothing is told: the pool may go back and forth there.
        has_turned = pool.utilization < FREE if self._is_full else pool.utilization > FULL
        if has_turned:
            self._is_full = not self._is_full
            yield f"The pool is {'full' if self._is_full else 'free again'}: {describe_pool(scene)}"

    def _users(self, scene: Scene) -> Iterator[str]:
        is_suffering = refused(scene) > 0
        if is_suffering and not self._is_suffering:
            yield "Users are refused (503): no connection came in time."
        if self._is_suffering and not is_suffering:
            yield "Users are served again."
        self._is_suffering = is_suffering


def shorten(text: str) -> str:
    """As much as a line of the story holds; the report has all of it."""
    return text if len(text) <= LONGEST_LINE else f"{text[: LONGEST_LINE - 4].rstrip()} ..."


def refused(scene: Scene) -> int:
    """Answers 503 of the last seconds."""
    return scene.users.statuses.get("503", 0)


def describe_pool(scene: Scene) -> str:
    """The pool and its users in one line."""
    pool, users = scene.pool, scene.users
    served = f"users: {users.ok} served, {refused(scene)} refused lately."
    if pool is None:
        return f"The application does not answer; {served}"
    return (
        f"{pool.checked_out} of {pool.size} connections in use ({percent(pool.utilization)}), "
        f"{counted(pool.waiting, 'request')} waiting; {served}"
    )


def describe_now(scene: Scene, times: Times) -> str:
    """What is waited for, or done, at this moment."""
    report = scene.report
    if report is None:
        is_full = scene.pool is not None and scene.pool.utilization > FULL
        return f"Prometheus raises the alert after {times.exhausted_for}." if is_full else "All is calm."
    if scene.is_over:
        return "The incident is closed."
    if report.outcome is not Ending.OPEN:
        return "Recovered. The incident stays open for a while, in case it comes back."
    if scene.pending:
        return "A person is asked to approve."
    return _describe_open(report, times)


def _describe_open(report: Report, times: Times) -> str:
    if report.seconds.alert_to_healthy is not None:
        return (
            f"The pool looks free. Recovered is said only after {times.clear_window} without a bad reading."
        )
    if any(map(may_have_touched, report.attempts)):
        return "Something was done; looking whether it helped."
    if report.diagnoses:
        return f"The cause, most likely: {report.diagnoses[-1].first.cause}."
    return "Investigating: metrics, application, database and containers, side by side."
