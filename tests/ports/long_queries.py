"""Statements that take a minute on the real server: queries, others, and one that does not heed a cancel."""

import asyncio
from contextlib import AsyncExitStack

import asyncpg

from deploy.local import postgres_roles
from deploy.local.postgres import Postgres

type Connection = asyncpg.Connection[asyncpg.Record]

READING = "SELECT pg_sleep(60)"
WRITING = "UPDATE rows_of_long_queries SET times = times + 1 WHERE pg_sleep(60) IS NULL"
STUBBORN = "SELECT goes_on()"
RUNS = "SELECT state = 'active' AND left(query, 20) = left($2, 20) FROM pg_stat_activity WHERE pid = $1"
PREPARE = """
CREATE TABLE IF NOT EXISTS rows_of_long_queries AS SELECT 1 AS id, 0 AS times;
GRANT ALL ON rows_of_long_queries TO PUBLIC;
CREATE OR REPLACE FUNCTION goes_on() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(60);
EXCEPTION WHEN query_canceled THEN
    PERFORM pg_sleep(60);
END
$$;
"""


class LongQueries:
    """They end with the stack, which drops their sessions."""

    def __init__(self, server: Postgres, stack: AsyncExitStack) -> None:
        self._server = server
        self._stack = stack

    async def run(self, connection: Connection, statement: str) -> None:
        """Send the statement, and return once it runs."""
        async with postgres_roles.connected(self._server, "covetpy") as administrator:
            await administrator.execute(PREPARE)
            task = asyncio.create_task(connection.execute(statement))
            self._stack.push_async_callback(self._settle, connection, task)
            async with asyncio.timeout(10):
                while not await administrator.fetchval(RUNS, connection.get_server_pid(), statement):
                    if task.done():
                        raise AssertionError(f"{statement} does not run: {task.exception() or task.result()}")
                    await asyncio.sleep(0.01)

    async def _settle(self, connection: Connection, task: "asyncio.Task[str]") -> None:
        """The server goes on for a client that is gone, so it is told to end it."""
        async with postgres_roles.connected(self._server, "covetpy") as administrator:
            await administrator.execute(f"SELECT pg_terminate_backend({connection.get_server_pid()}, 5000)")
        await asyncio.gather(task, return_exceptions=True)
