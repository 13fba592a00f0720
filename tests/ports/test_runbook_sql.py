"""The SQL by hand of docs/on-call.md, as poolmedic and in a database whose owner has planted names."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.postgres import Postgres
from tests.ports.sessions import Connection, connected, leaking

RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "on-call.md"
(_LOOK,) = re.findall(r"```sql\n(.*?)```", RUNBOOK.read_text(), re.DOTALL)


@pytest.fixture
async def planted(postgres_server: Postgres) -> AsyncIterator[None]:
    """A view and a function that are found first, and say so when they are used."""
    async with connected(postgres_server.application_dsn) as owner:
        await owner.execute("""
            CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE plpgsql AS
                $$ BEGIN RAISE 'planted'; END $$;
            CREATE VIEW public.pg_stat_activity AS
                SELECT *, 1 / 0 AS planted FROM pg_catalog.pg_stat_activity;
            GRANT SELECT ON public.pg_stat_activity TO PUBLIC;
            ALTER DATABASE covetpy SET search_path = public, pg_catalog""")
        try:
            yield
        finally:
            await owner.execute("""
                ALTER DATABASE covetpy RESET search_path;
                DROP VIEW public.pg_stat_activity;
                DROP FUNCTION public.now()""")


def filled_in(text: str) -> str:
    """With the names of the application here, for a session that has just begun to idle."""
    text = text.replace("usename = 'shop_app'", "usename = 'covetpy'").replace(
        "interval '5 min", "interval '0 min"
    )
    return text.replace("datname = 'shop'", "datname = 'covetpy'").replace("= 'shop'", "= 'orders-api'")


async def look(operator: Connection) -> dict[int, str]:
    """The sessions that were seen, and for each what is to be pasted to end it."""
    path, _, question = filled_in(_LOOK).partition(";")
    await operator.execute(path)
    return {row["pid"]: row["to_end_it"] for row in await operator.fetch(question)}


async def end(operator: Connection, pasted: str) -> list[bool]:
    """What psql shows: a row with the answer, or none."""
    return [row["terminate_session"] for row in await operator.fetch(pasted)]


@pytest.mark.parametrize("role", ["poolmedic", "postgres"])
@pytest.mark.usefixtures("planted")
async def test_it_finds_and_ends_the_session_whatever_is_planted(
    postgres_server: Postgres, role: str
) -> None:
    async with connected(postgres_server.dsn(role)) as operator, leaking(postgres_server) as leak:
        ended = asyncio.Event()
        leak.add_termination_listener(lambda _connection: ended.set())
        seen = await look(operator)
        assert list(seen) == [leak.get_server_pid()]
        assert await end(operator, seen[leak.get_server_pid()]) == [True]
        async with asyncio.timeout(5):
            await ended.wait()


async def test_of_one_that_moved_on_or_is_gone_there_is_no_row(postgres_server: Postgres) -> None:
    async with connected(postgres_server.medic_dsn) as medic:
        async with leaking(postgres_server) as leak:
            pasted = (await look(medic))[leak.get_server_pid()]
            assert await leak.fetchval("SELECT 2") == 2
            assert await end(medic, pasted) == []
            assert await leak.fetchval("SELECT 3") == 3
            pasted = (await look(medic))[leak.get_server_pid()]
            await leak.close()
        assert await end(medic, pasted) == []


async def test_of_a_role_that_is_not_listed_it_answers_false(postgres_server: Postgres) -> None:
    async with (
        connected(postgres_server.dsn("postgres")) as superuser,
        connected(postgres_server.medic_dsn) as medic,
        leaking(postgres_server) as leak,
    ):
        pasted = (await look(medic))[leak.get_server_pid()]
        await superuser.execute("DELETE FROM poolmedic.application_role WHERE role = 'covetpy'")
        try:
            assert await end(medic, pasted) == [False]
        finally:
            await superuser.execute("INSERT INTO poolmedic.application_role (role) VALUES ('covetpy')")
        assert await leak.fetchval("SELECT 2") == 2


@pytest.mark.usefixtures("planted")
async def test_our_login_has_the_servers_own_names_from_the_start(postgres_server: Postgres) -> None:
    async with connected(postgres_server.medic_dsn) as medic:
        assert await medic.fetchval("SHOW search_path") == "pg_catalog, pg_temp"
