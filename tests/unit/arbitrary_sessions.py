"""Any session that PostgreSQL may list."""

from datetime import timedelta

from hypothesis import strategies as st

from tests.unit import scenes
from tests.unit.scenes import NOW
from workflows.models.session import Session, SessionIdentity

STATES = ("idle in transaction", "idle in transaction (aborted)", "idle", "active", "disabled")


def sessions() -> st.SearchStrategy[Session]:
    """Mostly own and idle in transaction, few different pids, so that looks overlap.

    One draw and not twenty: of an evidence with thirty of them, drawing was most of a test's time.
    """
    return st.binary(min_size=_FIELDS, max_size=_FIELDS).map(_session)


_FIELDS = 19
_ODD_AMOUNTS = (-1.0, float("nan"), float("inf"), float("-inf"), 1e308, 5e-324, -0.0, 1e9)
_STATES = (*STATES[:2], *STATES)
_BLOCKED = ((), (), (1,), (2,), (60,), (61,), (0, 61), (62, 3))


def _session(drawn: bytes) -> Session:
    """Each byte is a choice, whose usual one is the first, so that what fails shrinks to the usual."""
    left = iter(drawn)

    def pick[T](*choices: T) -> T:
        return choices[next(left) % len(choices)]

    def rarely[T](usual: T, odd: T, times: int = 26) -> T:
        return odd if next(left) % times == times - 1 else usual

    identity = SessionIdentity(
        pid=next(left) % 60 + 1,
        backend_start=scenes.STARTED,
        state=pick(*_STATES),
        state_change=NOW - timedelta(seconds=50 * pick(0, 1, 2, 3)),
        xact_start=NOW - timedelta(seconds=200),
        usename=rarely("shop", "billing"),
        datname=rarely("shop", "billing"),
        application_name=rarely("shop-api", "psql"),
    )
    return Session(
        identity=identity,
        state_seconds=rarely(pick(0, 1, 2, 4, 8) * 51.1 + pick(*range(200)) / 2, pick(*_ODD_AMOUNTS)),
        has_written=rarely(False, True, 7),
        holds_advisory_lock=rarely(False, True, 7),
        wait_event=rarely("ClientRead", "SyncRep"),
        in_progress=rarely(None, "pg_stat_progress_vacuum"),
        query_id=pick(None, 7, 7, 7, 8),
        query_start=pick(None, NOW - timedelta(seconds=100)),
        reads_only=pick(False, True),
        wait_event_type=pick(None, None, "Lock"),
        blocked_by=pick(*_BLOCKED),
    )


def queues() -> st.SearchStrategy[tuple[int, ...]]:
    """Whom somebody waits behind: few, so that several wait behind the same."""
    return st.sampled_from(_BLOCKED)
