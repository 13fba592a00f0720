"""Indexes: what a slow query lacks by the server's own plan, its creation, and what it changed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, override

from asyncpg import Record
from temporalio import activity

from activities.creating import Creation
from activities.owner_connection import Owners
from activities.plan_tree import Scan, scans, total_cost
from activities.postgres import PostgresDatabase
from activities.warm_connection import Connection, fetch, fetch_row, fetch_value
from workflows.errors import PreconditionGone, SourceRefused, WrongServer
from workflows.models.index import IndexAdvice, QueryTally
from workflows.models.outcome import Outcome
from workflows.models.target import Database
from workflows.ports.activities import Indexes
from workflows.ports.requests import CreateIndexRequest, QueryLook
from workflows.wording import span

SMALLEST_TABLE = 8_000_000
"""Bytes. A smaller table is read whole in a few milliseconds."""
LARGEST_PART = 0.05
"""Of a table's rows: where a value has more, reading all of them may be right."""
MOST_COLUMNS = 3
SECONDS_TO_BE_IN_THE_WAY = 10.0
LONGEST_NAME = 63
"""Bytes of an identifier (PostgreSQL's manual, "Identifiers and Key Words")."""


class PostgresIndexes(Indexes):
    """Statistics are read by poolmedic's own login; plans and changes need one that owns the tables."""

    def __init__(self, database: PostgresDatabase, dsns: Mapping[str, str]) -> None:
        self._medic = database
        self._owners = Owners(dsns)

    async def try_login(self, database: Database) -> None:
        """See that the login gets in, into the right database; raises an error of `workflows.errors`."""
        async with self._owners.connect(database) as connection:
            await _check(connection, database)

    @activity.defn
    @override
    async def advise_index(self, look: QueryLook) -> IndexAdvice:
        database = look.target.database
        tally = await self._tally(look)
        async with self._owners.connect(database) as connection:
            await _check(connection, database)
            plan = await _explain(connection, tally["text"], database.role)
            reasons: list[str] = []
            for scan in scans(plan):
                found = await _consider(connection, scan)
                if isinstance(found, dict):
                    advice = IndexAdvice(query_id=look.query_id, cost=total_cost(plan), **found)
                    return await self._with_obstacles(database, advice)
                reasons.append(found)
        raise PreconditionGone(
            f"no index is known that query {look.query_id} lacks: "
            f"{'; '.join(reasons) or 'its plan reads no table whole for rows of one value'}"
        )

    @activity.defn
    @override
    async def create_index(self, request: CreateIndexRequest) -> Outcome:
        database, act = request.target.database, request.act
        waits = await self._waits(database, act.namespace, act.table, act.query_id)
        if waits:
            raise PreconditionGone(f"its creation would wait for others: {'; '.join(waits)}")
        async with self._owners.connect(database) as connection:
            await _check(connection, database)
        creation = Creation(self._medic.connection(database), self._owners, database, act)
        return await creation.run(activity.heartbeat)

    @activity.defn
    @override
    async def measure_query(self, look: QueryLook) -> QueryTally:
        tally = await self._tally(look)
        async with self._owners.connect(look.target.database) as connection:
            plan = await _explain(connection, tally["text"], look.target.database.role)
        return QueryTally(
            query_id=look.query_id,
            calls=tally["calls"],
            total_seconds=tally["total_seconds"],
            cost=total_cost(plan),
        )

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
            rows = await fetch(
                connection, "index_waits", table, namespace, query_id, SECONDS_TO_BE_IN_THE_WAY
            )
        return [
            f"pid {row['pid']} ({row['application_name'] or 'no application name'}, {row['role']}) "
            f"{row['why']}, for {span(row['seconds'])}"
            for row in rows
        ]


async def _check(connection: Connection, database: Database) -> None:
    """Into the right database, of a server that takes changes."""
    row = await fetch_row(connection, "index_login")
    if row["dbname"] != database.dbname or row["in_recovery"]:
        raise WrongServer(
            f"{database.index_dsn} leads to the wrong server: database {row['dbname']}, "
            f"in recovery {row['in_recovery']}; expected {database.dbname}, which takes changes"
        )


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


async def _consider(connection: Connection, scan: Scan) -> dict[str, Any] | str:
    """What an index on the columns of this scan would be, or why it would be none."""
    where = f"{scan.namespace}.{scan.table}"
    if not scan.equal:
        return f"{where} is read whole for a range of {', '.join(scan.ranged)}, which a person has to judge"
    row = await fetch_row(connection, "index_table", scan.namespace, scan.table, list(scan.equal))
    if obstacle := _obstacle(row, where):
        return obstacle
    distinct = dict(zip(scan.equal, row["distinct_values"], strict=True))
    equal = sorted(scan.equal, key=lambda column: -distinct[column])
    per_lookup = row["rows"] / max(distinct[equal[0]], 1.0)
    if per_lookup > LARGEST_PART * row["rows"]:
        return f"{where}: one value of {equal[0]} has a large part of its rows, or its statistics are missing"
    columns = (*equal, *scan.ranged[:1])[:MOST_COLUMNS]
    return {
        "namespace": scan.namespace,
        "table": scan.table,
        "columns": columns,
        "name": index_name(scan.table, columns),
        "rows": row["rows"],
        "rows_per_lookup": round(per_lookup),
        "table_bytes": row["bytes"],
    }


def _obstacle(row: Record, where: str) -> str | None:
    if not row["is_plain"]:
        return f"{where} is no plain table (partitioned, a partition, or temporary), so a person decides"
    if row["bytes"] < SMALLEST_TABLE:
        return f"{where} is small"
    if row["indexed"]:
        return f"{where} has an index on {', '.join(row['indexed'])} that is not used: ANALYZE it first"
    if not row["is_ours"]:
        return f"{where} belongs to {row['owner']}, whose member the login is not (deploy/postgres/index.sql)"
    return None


def index_name(table: str, columns: Sequence[str]) -> str:
    """The same for the same index, and never longer than a name may be."""
    name = "_".join(("poolmedic", table, *columns))
    if len(name.encode()) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name.encode()[: LONGEST_NAME - 9].decode(errors='ignore')}_{digest}"
