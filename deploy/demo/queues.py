"""The judge's checks of queues behind locks: what was cancelled, when, and whether anybody still waits."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from deploy.demo import witness
from deploy.demo.check import Check, Judge
from deploy.demo.drill import Drill
from deploy.demo.sessions import SessionId
from deploy.local.postgres import SUPERUSER
from deploy.local.postgres_roles import connected
from workflows.models.policy import Option
from workflows.wording import counted, listed

WAIT_LONG = """
SELECT pid FROM pg_stat_activity
 WHERE application_name = $1 AND wait_event_type = 'Lock' AND pid <> ALL ($2::int[])
   AND state_change < clock_timestamp() - interval '2 seconds'"""


async def cancelled(drill: Drill) -> Check:
    """By PostgreSQL's log: the statement of each session that the fault left once, and nobody else's."""
    expected = Counter(drill.culprits if drill.scenario.cancels else ())
    lines = witness.cancelled_since(drill.stage, drill.fault_at)
    found = Counter(SessionId.logged(line) for line in lines)
    seen = listed(f"pid {each.pid}, {counted(times, 'time')}" for each, times in found.items()) or "none"
    what = "Cancelled: the fault's statement, once" if expected else "No statement was cancelled"
    return Check(what, found == expected, seen)


async def approved(drill: Drill) -> Check:
    """By PostgreSQL's log nothing was done before a person's one answer."""
    given = drill.approval_of(Option.TERMINATE if drill.scenario.ends_sessions else Option.CANCEL)
    done = _moments(drill)
    holds = given is not None and bool(done) and given < min(done)
    seen = f"approved at {given:%H:%M:%S}" if given else "nobody approved, or more than once"
    return Check("Nothing was done before the approval", holds, seen)


async def drained(drill: Drill) -> Check:
    """By PostgreSQL: no session of the application waits for a lock for long; decoys do, by right."""
    decoys = [decoy.pid for decoy in drill.decoys.sessions]
    async with connected(drill.stage.stack.postgres, SUPERUSER) as connection:
        rows = await connection.fetch(WAIT_LONG, drill.stage.target, decoys)
    waiting = [row["pid"] for row in rows]
    return Check("Nobody waits in the queue any more", not waiting, listed(waiting) or "nobody")


DRAINED: tuple[Judge, ...] = (approved, drained)


def _moments(drill: Drill) -> list[datetime]:
    lines = (
        *witness.ended_since(drill.stage, drill.fault_at),
        *witness.cancelled_since(drill.stage, drill.fault_at),
    )
    return [line.at for line in lines]
