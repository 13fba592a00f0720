"""The index that would spare a plan its dearest reading of a whole table, or why a person has to judge."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asyncpg import Record

from activities.plan_tree import Scan, scans, total_cost
from activities.warm_connection import Connection, fetch
from workflows.models.index import IndexAdvice
from workflows.wording import percent

SMALLEST_SHARE = 0.5
"""Of the plan's cost: where reading the table has less, its index would not spare the query its time."""
SMALLEST_TABLE = 8_000_000
"""Bytes. A smaller table is read whole in a few milliseconds."""
LARGEST_PART = 0.05
"""Of a table's rows: where a value has more, reading all of them may be right."""
MOST_COLUMNS = 3
LONGEST_NAME = 63
"""Bytes of an identifier (PostgreSQL's manual, "Identifiers and Key Words")."""


@dataclass(frozen=True)
class Candidate:
    """An index that could be there, and the table that it would be on."""

    table_oid: int
    where: str
    """The table, for people."""
    advice: IndexAdvice


def dearest(plan: dict[str, Any]) -> Scan | str:
    """The table whose reading costs most, and at least half of the plan; else why there is none."""
    found = max(scans(plan), key=lambda scan: scan.cost, default=None)
    if found is None:
        return "its plan for any parameters reads no table whole"
    where, share = f"{found.namespace}.{found.table}", found.cost / max(total_cost(plan), 1e-9)
    if share < SMALLEST_SHARE:
        return (
            f"reading all of {where} is {percent(share)} of the cost of its plan for any parameters, "
            "so something else makes it slow, which a person has to judge"
        )
    if found.ranged and not found.equal:
        return f"{where} is read whole for a range of {', '.join(found.ranged)}, which a person has to judge"
    if not found.equal:
        return f"its plan reads no table whole for rows of one value; {where} is read for other reasons"
    return found


async def find_candidate(
    connection: Connection, scan: Scan, query_id: int, plan: dict[str, Any]
) -> Candidate | str:
    """The index on the columns of this scan, or why there is to be none."""
    where = f"{scan.namespace}.{scan.table}"
    wanted = [*scan.equal, *scan.ranged[:1]]
    tables = await fetch(connection, "index_table", scan.namespace, scan.table, wanted)
    if not tables:
        return f"{where} is gone"
    table = tables[0]
    if obstacle := _obstacle(table, where):
        return obstacle
    rows = {row["name"]: row for row in await fetch(connection, "index_columns", table["oid"], wanted)}
    if obstacle := next(filter(None, (_doubt(rows.get(each), each, scan, where) for each in wanted)), None):
        return obstacle
    equal = sorted(scan.equal, key=lambda column: _part(rows[column], table["rows"]))
    columns = (*equal, *scan.ranged[:1])[:MOST_COLUMNS]
    part = _part(rows[columns[0]], table["rows"])
    if part > LARGEST_PART:
        return f"{where}: one value of {columns[0]} has a large part of its rows"
    advice = IndexAdvice(
        query_id=query_id,
        cost=total_cost(plan),
        namespace=scan.namespace,
        table=scan.table,
        columns=columns,
        name=index_name(scan.table, columns),
        rows=round(table["rows"]),
        rows_per_lookup=round(part * table["rows"]),
        table_bytes=table["bytes"],
        unbounded=tuple(column for column in columns if rows[column]["is_unbounded"]),
    )
    return Candidate(table["oid"], where, advice)


def _obstacle(table: Record, where: str) -> str | None:
    """What the table is, that keeps an index away."""
    if not table["is_plain"]:
        return f"{where} is no plain table (partitioned, a partition, or temporary), so a person decides"
    if table["bytes"] < SMALLEST_TABLE:
        return f"{where} is small"
    if table["is_superusers"]:
        return (
            f"{where} belongs to {table['owner']}, a superuser, so a person decides; never make the login a "
            "member of a superuser"
        )
    return _obstacle_of_indexes(table, where) or _obstacle_of_rights(table, where)


def _obstacle_of_indexes(table: Record, where: str) -> str | None:
    if table["indexed"]:
        return f"{where} has an index on {', '.join(table['indexed'])} that is not used: ANALYZE it first"
    if table["invalid"]:
        drops = "; ".join(f"DROP INDEX CONCURRENTLY {name}" for name in table["invalid"])
        return (
            f"{where} has an INVALID index that begins with such a column, still being built or left by an "
            f"attempt that failed; once nobody builds it: {drops}"
        )
    if table["partly"]:
        return (
            f"{where} has an index with a condition or on an expression of such a column "
            f"({', '.join(table['partly'])}), which the plan for real parameters may use, so a person decides"
        )
    return None


def _obstacle_of_rights(table: Record, where: str) -> str | None:
    if not table["is_ours"]:
        return (
            f"{where} belongs to {table['owner']}, whose member the login is not (deploy/postgres/index.sql)"
        )
    if table["is_secured"]:
        return f"{where} has row-level security, under which the application's plan is another one"
    if not table["has_room"]:
        return (
            f"{where}: the login may not create anything in its schema (GRANT CREATE ON SCHEMA to its owner)"
        )
    if table["rows"] < 1:
        return f"{where} has no statistics: ANALYZE it first"
    return None


def _doubt(column: Record | None, name: str, scan: Scan, where: str) -> str | None:
    """Why nobody knows what an index on the column would do."""
    if column is None:
        return f"{where}: {name} is none of its own columns"
    if name in scan.as_text and not column["is_text"]:
        return f"{where}: the query casts {name} ({column['type']}) to text, for which no index on it serves"
    if not column["is_plain"]:
        return f"{where}: {name} is of type {column['type']}, so a person decides"
    if name in scan.equal and not column["distinct_values"]:
        return f"{where} has no statistics of {name}: ANALYZE it first"
    return None


def _part(column: Record, rows: float) -> float:
    """Of the table's rows that one value has: on average, or its commonest if that has more."""
    average = 1.0 / min(max(column["distinct_values"], 1.0), rows)
    return float(max(average, column["commonest"]))


def index_name(table: str, columns: Sequence[str]) -> str:
    """The same for the same index, and never longer than a name may be."""
    name = "_".join(("poolmedic", table, *columns))
    if len(name.encode()) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name.encode()[: LONGEST_NAME - 9].decode(errors='ignore')}_{digest}"
