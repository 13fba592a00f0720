"""Who waits behind whom for locks, and who stands in front of them all. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from workflows.contention import waits_for_lock, working_sessions
from workflows.models.blocker import Blocker
from workflows.models.evidence import DatabaseReading
from workflows.models.reading import value_of
from workflows.models.session import Session, StatementIdentity
from workflows.models.target import Target

_STRONG = frozenset({"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"})
"""Modes on a whole table that only a change of its definition, or a person, asks for."""


@dataclass(frozen=True)
class Queue:
    """The target's working sessions that wait for locks, and everybody in front of them, by pid."""

    working: int
    waiting: frozenset[int]
    own: Mapping[int, Session]
    """The target's own working sessions, waiting or not."""
    blockers: Mapping[int, Blocker]

    @property
    def share(self) -> float:
        """Which part of the working sessions waits."""
        return len(self.waiting) / self.working if self.working else 0.0

    @cached_property
    def ahead(self) -> dict[int, tuple[int, ...]]:
        """Of everybody: whom it waits for. Of the target's own their session says it: it was read first."""
        known = {pid: blocker.blocked_by for pid, blocker in self.blockers.items()}
        return known | {pid: session.blocked_by for pid, session in self.own.items()}

    @cached_property
    def fronts(self) -> tuple[int, ...]:
        """Whoever is waited for and waits for nobody; the one with the most behind it first."""
        waited_for = {pid for ahead in self.ahead.values() for pid in ahead}
        return self._most_first(pid for pid in waited_for if not self.ahead.get(pid))

    @cached_property
    def changes(self) -> tuple[int, ...]:
        """Statements that wait themselves to change a table's definition; the most waited for first."""
        return self._most_first(pid for pid, each in self.blockers.items() if self._is_waiting_change(each))

    @cached_property
    def behind_changes(self) -> frozenset[int]:
        """The waiting sessions that one of `changes` stands in front of."""
        return frozenset[int]().union(*(self.behind[pid] for pid in self.changes))

    @cached_property
    def behind(self) -> "_Behind":
        """Of anybody: the waiting sessions that wait for it, through others or not."""
        return _Behind(self)

    def behind_alone(self, pid: int) -> frozenset[int]:
        """Those that nobody else at the front, and no change of a table, holds up as well."""
        others = (self.behind[other] for other in self.fronts if other != pid)
        return self.behind[pid].difference(self.behind_changes, *others)

    def _most_first(self, pids: Iterable[int]) -> tuple[int, ...]:
        return tuple(sorted(pids, key=lambda pid: (-len(self.behind[pid]), pid)))

    def _is_waiting_change(self, blocker: Blocker) -> bool:
        request = blocker.awaits
        is_strong = request is not None and request.kind == "relation" and request.mode in _STRONG
        return is_strong and bool(self.ahead.get(blocker.pid))


def statement_of(blocker: Blocker) -> StatementIdentity | None:
    """What identifies the statement that a client backend runs; None for everything else."""
    if blocker.identity is None or blocker.query_start is None:
        return None
    return StatementIdentity(**blocker.identity.model_dump(), query_start=blocker.query_start)


class _Behind(dict[int, frozenset[int]]):
    """Walked from the front, once for each: a long queue names everybody ahead in each of its sessions."""

    def __init__(self, queue: Queue) -> None:
        super().__init__()
        self._waiting = queue.waiting
        self._followers: dict[int, list[int]] = {}
        for pid, ahead in queue.ahead.items():
            for each in ahead:
                self._followers.setdefault(each, []).append(pid)

    def __missing__(self, pid: int) -> frozenset[int]:
        seen, todo = {pid}, [pid]
        while todo:
            new = [each for each in self._followers.get(todo.pop(), ()) if each not in seen]
            seen.update(new)
            todo.extend(new)
        self[pid] = self._waiting & (seen - {pid})
        return self[pid]


def queue_in(reading: DatabaseReading, target: Target) -> Queue:
    """The queue that one look at the database shows."""
    working = working_sessions(reading.sessions, target)
    return Queue(
        working=len(working),
        waiting=frozenset(each.identity.pid for each in working if waits_for_lock(each)),
        own={each.identity.pid: each for each in working},
        blockers={blocker.pid: blocker for blocker in value_of(reading.blockers) or ()},
    )
