"""What runs most in the database, by pg_stat_statements: without literals, and given up without the rest."""

from datetime import UTC, datetime

from asyncpg import Record

from activities.literals import mask_literals
from activities.postgres_errors import DRIVER_ERRORS, describe
from activities.warm_connection import Connection, fetch, fetch_value
from workflows.models.evidence import StatementReading
from workflows.models.reading import Known, Unavailable

MOST_STATEMENTS = 20
LONGEST_TEXT = 300


async def read_statements(
    connection: Connection, own: tuple[str, str, list[str]]
) -> Known[tuple[StatementReading, ...]] | Unavailable:
    """Those of the target's own role and database, the longest first; `own` as in `read_pressure`."""
    try:
        schema = await fetch_value(connection, "extension")
        if schema is None:
            return Unavailable(reason=f"pg_stat_statements is not installed in {own[1]}: CREATE EXTENSION")
        rows = await fetch(connection, "statements", *own, MOST_STATEMENTS, schema=schema)
    except DRIVER_ERRORS as exc:
        return Unavailable(reason=f"pg_stat_statements: {describe(exc)}")
    return Known(value=tuple(_statement(row) for row in rows), at=datetime.now(UTC))


def _statement(row: Record) -> StatementReading:
    text = mask_literals(row["text"])
    return StatementReading(
        **{**row, "text": text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} …"}
    )
