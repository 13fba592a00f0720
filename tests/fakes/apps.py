"""What becomes of one simulated application, and of one session."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from tests.fakes.state import App, Backend, State
from workflows.models.session import SessionIdentity
from workflows.models.target import Database


def leaking(
    app: App,
    database: Database,
    pids: Collection[int],
    at: datetime,
    has_written: bool = False,
    in_transaction: bool = True,
) -> App:
    forgotten = tuple(
        Backend(
            pid=pid,
            backend_start=app.started_at,
            state="idle in transaction" if in_transaction else "idle",
            state_change=at,
            xact_start=at if in_transaction else None,
            usename=database.role,
            datname=database.dbname,
            application_name=database.application_names[0],
            has_written=has_written,
        )
        for pid in pids
    )
    return replace(app, leaked=app.leaked + forgotten, leaked_total=app.leaked_total + len(forgotten))


def placed(state: State, app: App) -> State:
    return replace(state, apps={**state.apps, app.name: app})


def released(app: App, pid: int) -> App:
    return replace(app, leaked=tuple(each for each in app.leaked if pid not in each.blocked_by))


def stopped(app: App, identity: SessionIdentity) -> App:
    return replace(
        app, leaked=tuple(each for each in app.leaked if not (each.heeds_cancel and is_same(each, identity)))
    )


def at_rest(backend: Backend, at: datetime) -> Backend:
    return replace(
        backend, state="idle", state_change=at, xact_start=None, blocked_by=(), awaits=None, statement=None
    )


def is_same(backend: Backend, identity: SessionIdentity) -> bool:
    return (backend.pid, backend.backend_start) == (identity.pid, identity.backend_start)


def without(app: App, identity: SessionIdentity) -> App:
    stay = tuple(backend for backend in app.leaked if not is_same(backend, identity))
    gone = len(app.leaked) - len(stay)
    return replace(app, leaked=stay, lost=app.lost + (0 if app.returns_slot else gone))
