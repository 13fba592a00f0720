"""Indexes: what a slow query lacks by the server's own plan, its creation, and what it changed."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, override

from asyncpg import Record
from temporalio import activity

from activities.candidate import Candidate, dearest, find_candidate
from activities.creating import Creation
from activities.owner_connection import Owners, check
from activities.plan_tree import total_cost
from activities.postgres import PostgresDatabase
from activities.warm_connection import Connection, fetch, fetch_row, fetch_value
from workflows.errors import PoolmedicError, PreconditionGone, SourceRefused
from workflows.models.index import IndexAdvice, QueryTally
from workflows.models.outcome import Outcome
from workflows.models.target import Database
from workflows.ports.activities import Indexes
from workflows.ports.requests import CreateIndexRequest, QueryLook
from workflows.wording import span

SECONDS_TO_BE_IN_THE_WAY = 10.0
SECONDS_OF_A_SLOW_ONE = 30.0
"""After which the slow query itself is in the way: it does not come to its end any time soon."""


class PostgresIndexes(Indexes):
    """Statistics are read by poolmedic's own login; plans and changes need one that owns the tables."""

    def __init__(self, database: PostgresDatabase, dsns: Mapping[str, str]) -> None:
        self._medic = database
        self._owners = Owners(dsns)

    async def try_login(self, database: Database) -> None:
        """See that the login gets in, into the right database; raises an error of `workflows.errors`."""
        async with self._owners.connect(database) as connection:
            await check(connection, self._medic.connection(database), database)

    @activity.defn
    @override
    async def advise_index(self, look: QueryLook) -> IndexAdvice:
        database = look.target.database
        tally = await self._tally(look)
        async with self._owners.connect(database) as connection:
            await check(connection, self._medic.connection(database), database)
            plan = await _explain(connection, tally["text"], database.role)
        # That session is over: planning ran functions of the application, and what they set outlives them.
        found = await self._find(look, plan)
        if isinstance(found, str):
            raise PreconditionGone(f"no index is known that query {look.query_id} lacks: {found}")
        return await self._with_obstacles(database, found.advice)

    @activity.defn
    @override
    async def create_index(self, request: CreateIndexRequest) -> Outcome:
        database, act = request.target.database, request.act
        waits = await self._waits(database, act.namespace, act.table, act.query_id)
        if waits:
            raise PreconditionGone(f"its creation would wait for others: {'; '.join(waits)}")
        async with self._owners.connect(database) as connection:
            await check(connection, self._medic.connection(database), database)
        medic = self._medic.connection(database)
        return await Creation(medic, self._owners, database, act, activity.heartbeat).run()

    @activity.defn
    @override
    async def measure_query(self, look: QueryLook) -> QueryTally:
        database = look.target.database
        # Before the tally: who ends between the two is in both, and not in neither.
        async with self._medic.connection(database).lend() as connection:
            own = database.role, database.dbname, look.query_id
            running = await fetch_value(connection, "tally_running", *own, look.age.total_seconds())
        tally = await self._tally(look)
        async with self._owners.connect(database) as connection:
            await check(connection, self._medic.connection(database), database)
            plan = await _explain(connection, tally["text"], database.role)
        return QueryTally(
            query_id=look.query_id,
            calls=tally["calls"],
            total_seconds=tally["total_seconds"],
            cost=total_cost(plan),
            began=tally["began"] or await self._reset_at(database),
            running=running,
        )

    async def _find(self, look: QueryLook, plan: dict[str, Any]) -> Candidate | str:
        """What the plan lacks, seen in a new session, or why nothing can be said to be it."""
        database, scan = look.target.database, dearest(plan)
        if isinstance(scan, str):
            return scan
        async with self._owners.connect(database) as connection:
            await check(connection, self._medic.connection(database), database)
            found = await find_candidate(connection, scan, look.query_id, plan)
        return found if isinstance(found, str) else await self._doubt(look, found) or found

    async def _doubt(self, look: QueryLook, found: Candidate) -> str | None:
        """Why it may be another table than the application reads, or cannot get its name."""
        database, advice = look.target.database, found.advice
        async with self._medic.connection(database).lend() as connection:
            readers = await fetch_row(
                connection, "index_readers", database.role, database.dbname, look.query_id, found.table_oid
            )
            taken = await fetch(connection, "index_state", advice.namespace, advice.name)
        if not readers["running"]:
            return f"nobody runs it now, so whether {found.where} is the table it means is not sure"
        if not readers["holding"]:
            return f"those who run it hold no lock on {found.where}, so they mean another table"
        if readers["elsewhere"]:
            others = ", ".join(readers["elsewhere"])
            return f"those who run it mean {found.where} or its namesake in {others}, so a person decides"
        return f"the name {advice.namespace}.{advice.name} is taken, so a person decides" if taken else None

    async def _reset_at(self, database: Database) -> str | None:
        """When the statistics of all queries began; None where that cannot be read."""
        with suppress(PoolmedicError):
            async with self._medic.connection(database).lend() as connection:
                schema = await fetch_value(connection, "extension")
                rows = await fetch(connection, "tally_reset", schema=schema)
            return str(rows[0]["began"]) if rows[0]["began"] else None
        return None

    async def _tally(self, look: QueryLook) -> Record:
        database = look.target.database
        async with self._medic.connection(database).lend() as connection:
            schema = await fetch_value(connection, "extension")
            if schema is None:
                raise SourceRefused(f"pg_stat_statements is not installed in {database.dbname}")
            rows = await fetch(
                connection, "tally", database.role, database.dbname, look.query_id, schema=schema
            )
        tally = rows[0]
        if tally["text"] is None:
            raise PreconditionGone(f"pg_stat_statements does not know query {look.query_id} any more")
        return tally

    async def _with_obstacles(self, database: Database, advice: IndexAdvice) -> IndexAdvice:
        waits = await self._waits(database, advice.namespace, advice.table, advice.query_id)
        return advice.model_copy(update={"in_the_way": tuple(waits)})

    async def _waits(self, database: Database, namespace: str, table: str, query_id: int) -> list[str]:
        async with self._medic.connection(database).lend() as connection:
            ages = SECONDS_TO_BE_IN_THE_WAY, SECONDS_OF_A_SLOW_ONE
            rows = await fetch(connection, "index_waits", table, namespace, query_id, *ages)
        return [
            f"pid {row['pid']} ({row['application_name'] or 'no application name'}, {row['role']}) "
            f"{row['why']}, for {span(row['seconds'])}"
            for row in rows
        ]


async def _explain(connection: Connection, text: str, role: str) -> dict[str, Any]:
    """The plan of a normalised statement for any parameters; it is not run.

    PREPARE takes one statement, and only such as can be explained; whatever else the text may be is refused.
    """
    path = await fetch_value(connection, "index_path", role)
    async with connection.transaction(readonly=True):
        await fetch(connection, "as_prepared", path)
        await connection.fetch(f"PREPARE slow_query AS {text}")
        parameters = ", ".join(["NULL"] * await fetch_value(connection, "parameters"))
        call = f"slow_query({parameters})" if parameters else "slow_query"
        found = await connection.fetchval(f"EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE {call}")
    plan: dict[str, Any] = json.loads(found)[0]["Plan"]
    return plan
