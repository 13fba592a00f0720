"""The judge's check of a slow query: which statements were cancelled, by PostgreSQL's log alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from deploy.demo import witness
from deploy.demo.check import Check
from deploy.demo.drill import Drill
from deploy.demo.missing_index import TABLE
from deploy.local.postgres_roles import connected
from workflows.models.policy import Option
from workflows.wording import counted, listed

INDEXES = """
SELECT c.relname::text AS name, i.indisvalid AS is_valid
  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
 WHERE i.indrelid = $1::text::regclass"""
PLAN = f"EXPLAIN (FORMAT JSON) SELECT count(*) FROM {TABLE} WHERE order_id = 7"  # noqa: S608
LEAST = 0.5
"""Of the pool's connections: the share that is called slow at all."""


async def cancelled(drill: Drill) -> Check:
    """Whatever was told to stop was the slow query, in a session of the application's, and stopped.

    The application gives up a statement of its own accord as well, after 15 s: those are nobody's doing.
    """
    since, name = drill.fault_at, drill.stage.target
    asked = [
        json.loads(line.message.removeprefix("poolmedic "))
        for line in witness.cancels_asked_since(drill.stage, since)
    ]
    signalled = Counter((each["pid"], each["query_start"]) for each in asked if each["signalled"])
    told = {pid for pid, _ in signalled}
    foreign = [each["pid"] for each in asked if each["application_name"] != name]
    lines = drill.stage.stack.postgres.log.cancelled_queries()
    stopped = {line.pid: line for line in lines if line.at >= since and line.pid in told}
    others = [pid for pid, line in stopped.items() if f"FROM {TABLE}" not in (line.statement or "")]
    running_on = [pid for pid in told if pid not in stopped]
    beside = [line.pid for line in witness.cancelled_since(drill.stage, since)]
    wrong = {
        "of somebody else": foreign,
        "another statement": others,
        "not stopped": running_on,
        "cancelled beside": beside,
        "twice": [pid for (pid, _), times in signalled.items() if times > 1],
    }
    seen = listed(f"{what}: {listed(pids)}" for what, pids in wrong.items() if pids)
    is_enough = len(told) >= LEAST * drill.scenario.pool_size
    if not drill.scenario.cancels:
        return Check("No statement was cancelled", not told and not beside, seen or "none")
    return Check(
        "Cancelled: the slow query's statements, each once, and no other",
        is_enough and not seen,
        seen or counted(len(told), "statement"),
    )


async def index(drill: Drill) -> Check:
    """By PostgreSQL's catalog and plan: one index on the table, valid and used; and one person approved."""
    server = drill.stage.stack.postgres
    async with connected(server, server.settings.database) as connection:
        found = {row["name"]: row["is_valid"] for row in await connection.fetch(INDEXES, TABLE)}
        cost = await connection.fetchval(PLAN)
    is_used = any("Index" in each["Node Type"] for each in _nodes(json.loads(cost)[0]["Plan"]))
    holds = list(found.values()) == [True] and drill.approval_of(Option.INDEX) is not None and is_used
    seen = f"{listed(found) or 'none'}; its plan {'uses' if is_used else 'does not use'} it"
    return Check("The missing index was created once a person approved, and is used", holds, seen)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)
