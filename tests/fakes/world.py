"""One simulated application with its database and containers: a log of changes, read at any moment.

Under skipped time every workflow has a clock of its own, so the state is not kept but computed from the log:
what a workflow did at 12:04 is not there for another one that looks at 12:01.
"""

import bisect
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.beating import stop_if_given_up
from tests.fakes import changes
from tests.fakes.changes import Change
from tests.fakes.script import Script
from tests.fakes.state import App, Backend, State
from workflows.models.page import Page
from workflows.models.report import Report
from workflows.models.session import SessionIdentity
from workflows.models.target import Target

_PAST = timedelta(hours=2)


@dataclass(frozen=True)
class Act:
    """Something that was really done to the world: `restart`, `resize`, `end`, `cancel`
    or `set timeout`, and to what."""

    at: datetime
    kind: str
    what: str
    size: int | None = None


class World:
    """Cause and effect around one target; `acts`, `pages` and `reports` are what tests judge by."""

    def __init__(self, target: Target, *, rate: float = 20.0, hold: float = 0.1) -> None:
        self.target = target
        self.opened = datetime.now(UTC)
        self.began = self.opened - _PAST
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.script = Script()
        self.acts: list[Act] = []
        self.asked_to_end: list[SessionIdentity] = []
        self.pages: list[tuple[datetime, Page]] = []
        self.routes_down: dict[str, str] = {}
        self.reports: list[tuple[datetime, Report]] = []
        self._pids = itertools.count(1001)
        self._order = itertools.count()
        self._log: list[tuple[datetime, int, Change]] = []
        self._first = State(
            apps={
                instance.name: App(
                    name=instance.name,
                    size=instance.pool_size,
                    rate=rate,
                    hold=hold,
                    container_id=f"{instance.container}-id",
                    started_at=self.began,
                )
                for instance in target.instances
            },
            usual_rate=rate * len(target.instances),
            usual_hold=hold,
        )

    # time

    def now(self) -> datetime:
        """The clock of the workflow that called, which may have been skipped; else the clock of the test."""
        return activity.info().started_time if activity.in_activity() else self.clock()

    def after(self, **offset: float) -> datetime:
        """A moment counted from the world's beginning: `after(minutes=3)`, `after(seconds=-90)`."""
        return self.opened + timedelta(**offset)

    def state(self, at: datetime) -> State:
        """How it all is at that moment."""
        state = self._first
        for when, _order, change in tuple(self._log):
            if when > at:
                break
            state = change(state, when)
        return state

    def spans(self, since: datetime, until: datetime) -> Iterator[tuple[float, State]]:
        """The time between, cut where something changed: seconds and state."""
        moments = [since, *(when for when, _, _ in tuple(self._log) if since < when < until), until]
        for start, stop in itertools.pairwise(moments):
            yield (stop - start).total_seconds(), self.state(start)

    # what happens

    def happens(self, change: Change, at: datetime | None = None) -> None:
        """Enter a change into the log, for now or any other moment."""
        bisect.insort(self._log, (at or self.now(), next(self._order), change))

    def leak(
        self,
        count: int,
        at: datetime | None = None,
        *,
        instance: str | None = None,
        has_written: bool = False,
        in_transaction: bool = True,
    ) -> None:
        """So many connections are checked out and forgotten."""
        name = instance or self.target.instances[0].name
        change = changes.leak(
            name,
            self.target.database,
            list(itertools.islice(self._pids, count)),
            has_written=has_written,
            in_transaction=in_transaction,
        )
        self.happens(change, at)

    def add_bystanders(self) -> None:
        """Sessions that nobody may touch: another role, another application, honest work, a migration."""
        database = self.target.database
        old = self.began + timedelta(minutes=1)

        def backend(
            state: str,
            usename: str,
            application: str,
            *,
            in_progress: str | None = None,
            renews: bool = False,
        ) -> Backend:
            return Backend(
                pid=next(self._pids),
                backend_start=old,
                state=state,
                state_change=old,
                xact_start=old,
                usename=usename,
                datname=database.dbname,
                application_name=application,
                in_progress=in_progress,
                renews=renews,
            )

        own, idle = database.application_names[0], "idle in transaction"
        self.happens(
            changes.join(
                backend(idle, "billing", "billing-api"),
                backend(idle, "billing", own),
                backend(idle, database.role, "nightly-report"),
                backend(idle, database.role, own, renews=True),
                backend("active", database.role, own),
                backend("active", database.role, own, in_progress="pg_stat_progress_create_index"),
            ),
            self.began,
        )

    # what the ports do to it

    def record(self, at: datetime, change: Change, act: Act) -> None:
        """An act of a port: it changes the world, and is remembered."""
        self.happens(change, at)
        self.acts.append(act)

    def kinds(self) -> list[str]:
        """The acts in the order they were done."""
        return [act.kind for act in self.acts]

    def paged(self, level: str) -> list[Page]:
        """The pages that a level got."""
        return [page for _at, page in self.pages if page.level == level]

    @asynccontextmanager
    async def scene(self, method: str) -> AsyncIterator[datetime]:
        """One call of an asynchronous port, with what the script has for it."""
        at = self.now()
        if (waiting := self.script.enter(method, at)) is not None:
            await waiting
            self.script.raise_failure(method)
        yield at
        if (waiting := self.script.leave(method, at)) is not None:
            await waiting
        await self.script.stall(method)

    async def step(self, name: str, at: datetime) -> None:
        """One of several things that an act does; one that is given up does no more of them."""
        if (waiting := self.script.enter(name, at)) is not None:
            await waiting
        if activity.in_activity():
            stop_if_given_up()

    @contextmanager
    def blocking_scene(self, method: str) -> Iterator[datetime]:
        """The same for a port whose methods run on threads; its hooks may not be asynchronous."""
        at = self.now()
        if self.script.enter(method, at) is not None:
            raise TypeError(f"{method} runs on a thread: its hook may not be asynchronous")
        yield at
        if self.script.leave(method, at) is not None:
            raise TypeError(f"{method} runs on a thread: its hook may not be asynchronous")
