"""The target's own sessions and how many clients there are, in one statement: all of one snapshot."""

from typing import NamedTuple

from asyncpg import Record

from activities.warm_connection import Connection, fetch, fetch_value
from workflows.models.session import Session, SessionIdentity


class Counts(NamedTuple):
    """Client backends on the server but poolmedic's: the target's own, all others, others of its role."""

    own: int
    foreign_ones: int
    foreign_of_role: int


async def read_sessions(
    connection: Connection, own: tuple[str, str, list[str]], most: int
) -> tuple[Counts, tuple[Session, ...]]:
    """`most` of the sessions of this role, database and application names, and how many there are in all."""
    rows = await fetch(connection, "sessions", *own, most)
    counts = Counts(*(rows[0][name] for name in Counts._fields))
    return counts, tuple(_session(row) for row in rows if row["pid"] is not None)


async def count_own(connection: Connection, own: tuple[str, str, list[str]]) -> int:
    """The target's own sessions now."""
    return int(await fetch_value(connection, "own_sessions", *own))


def _session(row: Record) -> Session:
    values = {name: value for name, value in row.items() if name not in Counts._fields}
    identity = SessionIdentity(**{name: values.pop(name) for name in SessionIdentity.model_fields})
    return Session(identity=identity, **values)
