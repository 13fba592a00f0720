"""Which statements of a real PostgreSQL are queries that only read, and how long they usually take."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.database_stage import Connection, RealDatabase
from workflows.causes.shapes import usual_seconds
from workflows.models.reading import Known

QUERIES = (
    "SELECT pg_sleep(60)",
    "  -- where from\n/* traceparent='00-1' */ select pg_sleep(60)",
    "(SELECT pg_sleep(60)) UNION ALL (SELECT pg_sleep(60))",
    "WITH a AS (SELECT pg_sleep(60)) SELECT * FROM a",
    "VALUES (pg_sleep(60))",
    "SELECT pg_sleep(60) /* a comment after it */;",
    "SELECT pg_sleep(60), 'updated'",
)
OTHERS = (
    "UPDATE rows_of_long_queries SET times = 1 WHERE pg_sleep(60) IS NULL",
    "SELECT pg_sleep(60) FROM rows_of_long_queries FOR UPDATE",
    "SELECT pg_sleep(60) FROM rows_of_long_queries FOR NO KEY UPDATE",
    "SELECT pg_sleep(60) FROM rows_of_long_queries FOR /* not */ SHARE",
    "WITH a AS (DELETE FROM rows_of_long_queries WHERE pg_sleep(60) IS NULL RETURNING *) SELECT * FROM a",
    "WITH a AS (SELECT '/*', pg_sleep(60)), b AS (DELETE FROM rows_of_long_queries RETURNING '*/') TABLE a",
    "SELECT 1 AS id INTO TEMPORARY slept FROM pg_sleep(60)",
    "/* /* */ SELECT */ CREATE TEMPORARY TABLE slept AS SELECT 1 AS id FROM pg_sleep(60)",
    "SELECT 1; SELECT pg_sleep(60)",
    "EXPLAIN ANALYZE SELECT pg_sleep(60)",
    "DO 'BEGIN PERFORM pg_sleep(60); END'",
    f"SELECT pg_sleep(60), '{'x' * 1100}'",
    "SELECT pg_sleep(60), '" + "ä" * 600 + "' FROM rows_of_long_queries FOR UPDATE",
)


@pytest.fixture
async def stage(postgres_server: Postgres) -> AsyncIterator[RealDatabase]:
    async with AsyncExitStack() as stack:
        yield RealDatabase(postgres_server, stack)


async def test_only_what_is_certain_to_read_alone_is_called_so(
    stage: RealDatabase, admin: Connection
) -> None:
    # A database may be set so; a backslash in a string would be another thing then.
    await admin.execute("ALTER ROLE poolmedic SET standard_conforming_strings = off")
    try:
        pids = {await stage.run_text(statement): statement for statement in (*QUERIES, *OTHERS)}
        sessions = await stage.sessions_once(lambda found: pids.keys() <= found.keys())
    finally:
        await admin.execute("ALTER ROLE poolmedic RESET standard_conforming_strings")

    called = {statement for pid, statement in pids.items() if sessions[pid].reads_only}
    assert called == set(QUERIES)


async def test_the_usual_time_of_a_shape_is_that_of_its_quick_calls(
    postgres_server: Postgres, stage: RealDatabase
) -> None:
    pid = await stage.idle()
    connection = stage.connection(pid)
    for _ in range(40):
        await connection.fetchval("SELECT 'usual', pg_sleep($1)", 0.002)
    for _ in range(2):
        await connection.fetchval("SELECT 'usual', pg_sleep($1)", 0.5)
    (query_id,) = {session.query_id for session in (await stage.sessions_once(bool)).values()}

    reading = await stage.port.read_database(examples.look(stage.target))

    assert isinstance(reading.statements, Known)
    (shape,) = [each for each in reading.statements.value if each.query_id == query_id]
    assert shape.calls == 42
    assert shape.mean_seconds > 0.02
    assert shape.longest_seconds == pytest.approx(0.5, abs=0.2)
    assert 0.002 < usual_seconds(shape) < 0.01
