"""What can happen to the simulated application: functions from one state to the next."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.fakes.apps import at_rest, is_same, leaking, placed, released, stopped, without
from tests.fakes.quiet import Quiet
from tests.fakes.state import Backend, State
from workflows.models.blocker import LockRequest
from workflows.models.policy import Option
from workflows.models.session import SessionIdentity
from workflows.models.target import Database

type Change = Callable[[State, datetime], State]

FIRST_IDLE_PID = 20_000
TO_READ = LockRequest(kind="relation", mode="AccessShareLock", relation="public.orders")


def change_app(name: str, **fields: Any) -> Change:
    """Give one instance other properties (see `App`)."""
    return lambda state, _at: placed(state, replace(state.apps[name], **fields))


def change_traffic(rate: float | None = None, hold: float | None = None) -> Change:
    """Other traffic on every instance: requests per second each, seconds per connection."""

    def apply(state: State, _at: datetime) -> State:
        apps = {
            name: replace(
                app, rate=app.rate if rate is None else rate, hold=app.hold if hold is None else hold
            )
            for name, app in state.apps.items()
        }
        return replace(state, apps=apps)

    return apply


def leak(
    name: str,
    database: Database,
    pids: Collection[int],
    *,
    has_written: bool = False,
    in_transaction: bool = True,
) -> Change:
    """Connections are checked out and forgotten, as long as there are free slots."""

    def apply(state: State, at: datetime) -> State:
        app = state.apps[name]
        return placed(state, leaking(app, database, list(pids)[: app.free], at, has_written, in_transaction))

    return apply


def wait_elsewhere(name: str, length: timedelta) -> Change:
    """Every request now waits so long for somebody slow, inside its transaction."""
    return change_app(name, waits=length.total_seconds())


def rest(name: str, length: timedelta) -> Change:
    """What looks forgotten works on, with a pause of that length before each statement."""

    def apply(state: State, _at: datetime) -> State:
        app = state.apps[name]
        working = tuple(replace(backend, renews=True, rests=length) for backend in app.leaked)
        return placed(state, replace(app, leaked=working))

    return apply


def lose_standby() -> Change:
    """Commits wait for a synchronous standby, and it is gone: every statement hangs."""

    def apply(state: State, at: datetime) -> State:
        hanging = change_traffic(hold=600.0)(state, at)
        return replace(hanging, sync_standbys=0, holdup=("IPC", "SyncRep"))

    return apply


def find_standby(hold: float = 0.1) -> Change:
    """The standby is back: what waited for it goes on, and connections are held for so long again."""

    def apply(state: State, at: datetime) -> State:
        return replace(change_traffic(hold=hold)(state, at), sync_standbys=1, holdup=None)

    return apply


def blind(source: str, reason: str = "connection refused") -> Change:
    """A source (`metrics`, `application`, `database`, `containers`), or `source/instance`, goes silent."""
    return lambda state, _at: replace(state, blind={**state.blind, source: reason})


def see(source: str) -> Change:
    """It answers again."""
    return lambda state, _at: replace(state, blind={k: v for k, v in state.blind.items() if k != source})


def change_reserve(*, slots: int | None, is_ours: bool) -> Change:
    """The server reserves so many slots, and our own role may use them or not."""
    return lambda state, _at: replace(state, reserved_for_roles=slots, uses_reserved=is_ours)


def change_rights(
    *,
    can_terminate: bool = True,
    can_cancel: bool = True,
    can_set_timeout: bool = True,
    is_superuser: bool = False,
    lacking: tuple[str, ...] = (),
) -> Change:
    """What our own role may do to sessions of the application's role, and set for it, and who lacks what."""
    return lambda state, _at: replace(
        state,
        can_terminate=can_terminate,
        can_cancel=can_cancel,
        can_set_timeout=can_set_timeout,
        is_superuser=is_superuser,
        lacking=lacking,
    )


def bar(options: Mapping[Option, str]) -> Change:
    """These cannot be done to any container, for these reasons."""
    return lambda state, _at: replace(state, barred=options)


def set_timeout(setting: str | None) -> Change:
    """The role's `idle_in_transaction_session_timeout` in this database is so, as the server writes it."""
    return lambda state, _at: replace(state, session_timeout=setting)


def limit(*, role: int | None, database: int | None) -> Change:
    """The server takes no more than so many sessions of the application's role, and of its database."""
    return lambda state, _at: replace(state, role_limit=role, database_limit=database)


def silence(who: str | None) -> Change:
    """Somebody silences the alert, or nobody does any more."""
    return lambda state, _at: replace(state, silence=who)


def quiet(*silences: Quiet) -> Change:
    """These silences there are from now on, and no others."""
    return lambda state, _at: replace(state, quiet=silences)


def join(*backends: Backend) -> Change:
    """Sessions that do not belong to the pool."""
    return lambda state, _at: replace(state, bystanders=state.bystanders + backends)


def leave(pid: int) -> Change:
    """A session that does not belong to the pool goes away."""

    def apply(state: State, _at: datetime) -> State:
        stay = tuple(backend for backend in state.bystanders if backend.pid != pid)
        return replace(state, bystanders=stay)

    return apply


def end(identity: SessionIdentity) -> Change:
    """The server ends a session; its slot comes back where the pool notices, and so do those behind it."""

    def apply(state: State, _at: datetime) -> State:
        apps = {name: released(without(app, identity), identity.pid) for name, app in state.apps.items()}
        stay = tuple(backend for backend in state.bystanders if not is_same(backend, identity))
        return replace(state, apps=apps, bystanders=stay)

    return apply


def cancel(identity: SessionIdentity) -> Change:
    """A statement stops: its session idles, and whoever waited behind it gives its connection back.

    One that is a request's own gives its connection back as well, unless it does not heed.
    """

    def apply(state: State, at: datetime) -> State:
        apps = {name: released(stopped(app, identity), identity.pid) for name, app in state.apps.items()}
        others = (
            at_rest(each, at) if each.heeds_cancel and is_same(each, identity) else each
            for each in state.bystanders
        )
        return replace(state, apps=apps, bystanders=tuple(others))

    return apply


def queue_up(name: str, database: Database, pids: Collection[int], behind: int) -> Change:
    """Requests wait with their connections behind that session, as long as there are free slots."""

    def apply(state: State, at: datetime) -> State:
        app = state.apps[name]
        fresh = leaking(replace(app, leaked=()), database, list(pids)[: app.free], at, has_written=False)
        waiting = tuple(
            replace(each, state="active", blocked_by=(behind,), awaits=TO_READ) for each in fresh.leaked
        )
        return placed(state, replace(app, leaked=app.leaked + waiting))

    return apply


def slow_down(
    name: str,
    database: Database,
    pids: Collection[int],
    query_id: int,
    *,
    reads_only: bool = True,
    heeds_cancel: bool = True,
) -> Change:
    """Requests run one query for very long, as long as there are free slots."""

    def apply(state: State, at: datetime) -> State:
        app = state.apps[name]
        fresh = leaking(replace(app, leaked=()), database, list(pids)[: app.free], at)
        running = tuple(
            replace(
                each,
                state="active",
                query_id=query_id,
                reads_only=reads_only,
                heeds_cancel=heeds_cancel,
                has_written=not reads_only,
            )
            for each in fresh.leaked
        )
        return placed(state, replace(app, leaked=app.leaked + running))

    return apply


def restart(name: str, database: Database) -> Change:
    """A new process with an empty pool of the size that its configuration file holds."""

    def apply(state: State, at: datetime) -> State:
        old = state.apps[name]
        size = old.asked_for or old.size
        new = replace(old, started_at=at, leaked=(), lost=0, generation=1, leaked_total=0, running=True)
        new = replace(new, size=size, asked_for=None)
        pids = range(FIRST_IDLE_PID, FIRST_IDLE_PID + min(old.leaks_on_start, old.size))
        return placed(state, leaking(new, database, pids, at, in_transaction=old.leaks_in_transaction))

    return apply


def resize(name: str, size: int) -> Change:
    """The pool takes another maximum while the program runs."""

    def apply(state: State, _at: datetime) -> State:
        app = state.apps[name]
        return placed(state, replace(app, size=size, asked_for=None, generation=app.generation + 1))

    return apply


def ask_for(name: str, size: int) -> Change:
    """Its file asks for another maximum, and nobody has told the program to read it."""
    return change_app(name, asked_for=size)
