"""The SQL by hand of docs/runbook.md, as poolmedic and in a database whose owner has planted names."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.postgres import Postgres
from tests.ports.sessions import Connection, connected, leaking

RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "runbook.md"
_LOOK, _END = re.findall(r"```sql\n(.*?)```", RUNBOOK.read_text(), re.DOTALL)


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


def filled_in(text: str, pid: int) -> str:
    """With the names of the application here, for a session that has just begun to idle."""
    text = re.sub(r"pid = 4711 AND .*?\n", f"pid = {pid}\n", text)
    text = text.replace("usename = 'shop_app'", "usename = 'covetpy'").replace(
        "interval '5 min", "interval '0 min"
    )
    return text.replace("datname = 'shop'", "datname = 'covetpy'").replace("= 'shop'", "= 'orders-api'")


async def follow(operator: Connection, pid: int) -> list[int]:
    """Look, then end that session; the pids that were seen."""
    path, _, look = filled_in(_LOOK, pid).partition(";")
    await operator.execute(path)
    seen = [row["pid"] for row in await operator.fetch(look)]
    assert await operator.fetchval(filled_in(_END, pid)) is True
    return seen


@pytest.mark.parametrize("role", ["poolmedic", "postgres"])
@pytest.mark.usefixtures("planted")
async def test_it_finds_and_ends_the_session_whatever_is_planted(
    postgres_server: Postgres, role: str
) -> None:
    async with connected(postgres_server.dsn(role)) as operator, leaking(postgres_server) as leak:
        ended = asyncio.Event()
        leak.add_termination_listener(lambda _connection: ended.set())
        assert await follow(operator, leak.get_server_pid()) == [leak.get_server_pid()]
        async with asyncio.timeout(5):
            await ended.wait()


@pytest.mark.usefixtures("planted")
async def test_our_login_has_the_servers_own_names_from_the_start(postgres_server: Postgres) -> None:
    async with connected(postgres_server.medic_dsn) as medic:
        assert await medic.fetchval("SHOW search_path") == "pg_catalog, pg_temp"
