"""The databases' connections are kept open between incidents, and what is told of them is told once."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from activities.postgres import PostgresDatabase
from activities.warm_connection import CONNECT_SECONDS
from deploy.local.ports import LOOPBACK
from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.database_stage import Connection
from worker.warming import kept_warm

OURS = "SELECT array_agg(pid) FROM pg_stat_activity WHERE usename = 'poolmedic'"
OFTEN = 0.02


async def rest() -> None:
    """No rehearsal."""


class Rounds:
    """Answers one round after the other with what is given, and then always the last."""

    def __init__(self, *answers: Mapping[str, str] | Exception) -> None:
        self._answers = answers
        self.done = 0
        self._all_done = asyncio.Event()

    async def warm(self) -> Mapping[str, str]:
        answer = self._answers[min(self.done, len(self._answers) - 1)]
        self.done += 1
        if self.done == len(self._answers) + 2:
            self._all_done.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def told(self) -> Sequence[EventDict]:
        """What is logged until every answer, and the last one again, was given."""
        with capture_logs() as logs:
            async with asyncio.timeout(10), kept_warm(self.warm, rest, OFTEN):
                await self._all_done.wait()
        return logs


async def test_a_connection_that_is_lost_between_incidents_is_opened_again_by_itself(
    postgres_server: Postgres, admin: Connection
) -> None:
    database = PostgresDatabase({examples.DSN: postgres_server.medic_dsn})
    async with asyncio.timeout(20), kept_warm(database.warm, rest, OFTEN):
        (pid,) = await admin.fetchval(OURS)
        await admin.execute("SELECT pg_terminate_backend($1, 2000)", pid)
        while await admin.fetchval(OURS) in (None, [pid]):  # noqa: ASYNC110
            await asyncio.sleep(OFTEN)
    (successor,) = await admin.fetchval(OURS)
    assert successor != pid
    await admin.execute("SELECT pg_terminate_backend($1, 2000)", successor)
    await asyncio.sleep(10 * OFTEN)
    assert await admin.fetchval(OURS) is None
    await database.close()


async def test_databases_that_do_not_answer_do_not_keep_the_others_waiting(
    postgres_server: Postgres,
) -> None:
    ended = asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    async with await asyncio.start_server(say_nothing, LOOPBACK, 0) as silent:
        where = f"postgresql://poolmedic@{LOOPBACK}:{silent.sockets[0].getsockname()[1]}/covetpy"
        database = PostgresDatabase({"A": where, "B": where, "C": where, "D": postgres_server.medic_dsn})
        try:
            async with asyncio.timeout(2 * CONNECT_SECONDS):
                failed = await database.warm()
        finally:
            ended.set()
            await database.close()
    assert failed == {name: f"{name}: no answer in time" for name in "ABC"}


async def test_what_stays_as_it_is_is_told_once() -> None:
    gone, other = {"A": "refused"}, {"A": "no answer in time", "B": "refused"}
    rounds = Rounds(gone, gone, {"A": "no answer in time"}, other, {}, gone)
    logs = await rounds.told()
    assert [(line["log_level"], line["secret"], line.get("reason")) for line in logs] == [
        ("warning", "A", "refused"),
        ("warning", "B", "refused"),
        ("info", "A", None),
        ("info", "B", None),
        ("warning", "A", "refused"),
    ]


async def test_a_database_that_stays_away_is_told_once_by_everybody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    database = PostgresDatabase({examples.DSN: f"postgresql://poolmedic@{LOOPBACK}:9/covetpy"})
    rounds: list[Mapping[str, str]] = []
    enough = asyncio.Event()

    async def warm() -> Mapping[str, str]:
        rounds.append(await database.warm())
        if len(rounds) == 4:
            enough.set()
        return rounds[-1]

    with capture_logs() as logs:
        async with asyncio.timeout(10), kept_warm(warm, rest, OFTEN):
            await enough.wait()
    assert all(examples.DSN in failed for failed in rounds)
    assert len(logs) + len(caplog.records) == 1


async def test_a_round_that_fails_in_its_own_way_is_told_and_followed_by_the_next() -> None:
    logs = await Rounds({}, ZeroDivisionError(), {"A": "refused"}).told()
    assert [line["log_level"] for line in logs] == ["error", "warning"]


async def test_a_slow_rehearsal_keeps_nobody_waiting_and_one_that_fails_is_followed_by_the_next() -> None:
    rehearsals: list[int] = []
    third = asyncio.Event()

    async def rehearse() -> None:
        rehearsals.append(len(rehearsals))
        if len(rehearsals) < 3:
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "a name of another encoding")
        third.set()
        await asyncio.Event().wait()

    with capture_logs() as logs:
        async with asyncio.timeout(10), kept_warm(Rounds({}).warm, rehearse, OFTEN, OFTEN):
            await third.wait()
    assert [line["log_level"] for line in logs] == ["error", "error"]
