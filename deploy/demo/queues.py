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
    report = drill.report
    accepted = [each for each in report.decisions if each.accepted and each.approve] if report else []
    given = drill.approved_at or (accepted[0].at if accepted else None)
    done = _moments(drill)
    holds = len(accepted) == 1 and given is not None and bool(done) and given < min(done)
    return Check(
        "Nothing was done before the approval", holds, accepted[0].message if accepted else "nobody approved"
    )


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
