"""The scripts of deploy/postgres on a server where somebody with CREATEROLE has made our roles first."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from deploy.local import postgres
from deploy.local.postgres import Postgres
from deploy.local.postgres_roles import INDEX_SCRIPT, SCRIPT, TIMEOUT_SCRIPT, allow
from deploy.local.state import State
from tests.ports.sessions import Connection, connected

OWNER, ACCOMPLICE = "shopdba", "accomplice"
ROLES = ("poolmedic", "poolmedic_definer", "poolmedic_configurer", "poolmedic_index")
MADE_BY = {SCRIPT: ROLES[:2], TIMEOUT_SCRIPT: ROLES[2:3], INDEX_SCRIPT: ROLES[3:]}
LEAVES_MARK = "ALTER ROLE {role} SET poolmedic.made_as = '{role}'"


@dataclass(frozen=True)
class Shop:
    """A server without our roles, and a database on it whose owner may create roles and is no superuser."""

    server: Postgres
    owner: Connection
    root: Connection
    """A superuser, in the database `covetpy`, whose owner is somebody else."""

    def dsn(self, role: str) -> str:
        return self.server.dsn(role, "shop")

    async def plant(self, role: str, *statements: str) -> None:
        """Made by an accomplice who is gone afterwards: nobody is a member of the role any more."""
        await create_login(self.owner, self.server, ACCOMPLICE)
        async with connected(self.dsn(ACCOMPLICE)) as accomplice:
            await accomplice.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'known'")
            await accomplice.execute(f"GRANT {role} TO {ACCOMPLICE} WITH SET TRUE, INHERIT TRUE")
            await self.owner.execute(f"GRANT CREATE ON DATABASE shop TO {role}")
            await accomplice.execute(f"SET ROLE {role}")
            for statement in statements:
                await accomplice.execute(statement)
            await accomplice.execute("RESET ROLE")
            await accomplice.execute(f"REVOKE {role} FROM {ACCOMPLICE} GRANTED BY {ACCOMPLICE}")
        await self.owner.execute(f"DROP ROLE {ACCOMPLICE}")

    async def refusal(self, *scripts: Path, role: str = "", database: str = "shop") -> str:
        """What stopped the lines of the README, if anything did; `role` is listed after the scripts."""
        async with connected(self.server.dsn("postgres", database)) as administrator:
            try:
                for script in scripts:
                    await administrator.execute(script.read_text())
                if role:
                    await allow(administrator, role)
            except asyncpg.RaiseError as refused:
                return str(refused)
        return ""

    async def ours(self) -> Sequence[str]:
        """Our roles that exist."""
        names = "SELECT rolname::text FROM pg_roles WHERE rolname = ANY ($1::text[]) ORDER BY 1"
        return [row["rolname"] for row in await self.root.fetch(names, ROLES)]


async def create_login(maker: Connection, server: Postgres, role: str) -> None:
    await maker.execute(f"CREATE ROLE {role} LOGIN CREATEROLE PASSWORD '{server.password(role)}'")


def blames(refusal: str, role: str) -> bool:
    """Whether it is for that role alone."""
    return refusal.partition("\n")[0].endswith(f"did not make it: {role}")


async def sweep(root: Connection) -> None:
    """Drop our roles, whoever made them, and what they have in this database."""
    await root.execute("DROP SCHEMA IF EXISTS poolmedic CASCADE")
    for row in await root.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY ($1::text[])", ROLES):
        await root.execute(f"DROP OWNED BY {row['rolname']} CASCADE; DROP ROLE {row['rolname']}")


@pytest.fixture(scope="module")
async def bare(stack_state: State) -> AsyncIterator[Postgres]:
    async with postgres.serve(stack_state, postgres.Settings(name="bare", roles=("billing",))) as server:
        yield server


@pytest.fixture
async def shop(bare: Postgres) -> AsyncIterator[Shop]:
    async with connected(bare.superuser_dsn) as root:
        await sweep(root)
        await create_login(root, bare, OWNER)
        await root.execute(f"CREATE DATABASE shop OWNER {OWNER}")
        try:
            async with connected(bare.dsn(OWNER, "shop")) as owner:
                yield Shop(bare, owner, root)
        finally:
            await root.execute("DROP DATABASE shop WITH (FORCE)")
            await sweep(root)
            await root.execute(f"DROP ROLE IF EXISTS {ACCOMPLICE}")
            await root.execute(f"DROP ROLE {OWNER}")


async def test_a_planted_trigger_does_not_run_as_the_administrator(shop: Shop) -> None:
    await shop.plant(
        "poolmedic_definer",
        "CREATE SCHEMA poolmedic",
        "CREATE TABLE poolmedic.application_role (role name PRIMARY KEY)",
        f"""CREATE FUNCTION poolmedic.rise() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN EXECUTE 'ALTER ROLE {OWNER} SUPERUSER'; RETURN NEW; END $$""",
        """CREATE TRIGGER rise BEFORE INSERT ON poolmedic.application_role
               FOR EACH ROW EXECUTE FUNCTION poolmedic.rise()""",
    )
    refused = await shop.refusal(SCRIPT, role="shop_app")
    assert not await shop.root.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = $1", OWNER)
    assert blames(refused, "poolmedic_definer")
    assert "DROP ROLE" in refused
    assert await shop.ours() == ["poolmedic_definer"]


async def test_a_planted_function_does_not_get_the_rights_of_our_role(shop: Shop) -> None:
    await shop.plant(
        "poolmedic_configurer",
        """CREATE SCHEMA trap
               CREATE TABLE bait ()""",
        """CREATE FUNCTION trap.steal() RETURNS void LANGUAGE sql SECURITY DEFINER
               AS 'ALTER ROLE billing PASSWORD ''stolen'''""",
        f"GRANT USAGE ON SCHEMA trap TO {OWNER}",
    )
    refused = await shop.refusal(SCRIPT, TIMEOUT_SCRIPT)
    if not refused:
        await shop.root.execute("GRANT billing TO poolmedic_configurer WITH ADMIN TRUE, INHERIT FALSE")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await shop.owner.execute("SELECT trap.steal()")
    assert blames(refused, "poolmedic_configurer")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("script", MADE_BY, ids=lambda script: script.stem)
async def test_every_script_refuses_every_planted_role(shop: Shop, script: Path, role: str) -> None:
    await shop.plant(role)
    refused = await shop.refusal(script)
    assert blames(refused, role)
    assert await shop.ours() == [role]


@pytest.mark.parametrize("script", MADE_BY, ids=lambda script: script.stem)
async def test_what_they_made_is_taken_again_and_in_a_second_database(shop: Shop, script: Path) -> None:
    for database in ("covetpy", "shop", "shop"):
        assert await shop.refusal(SCRIPT, script, SCRIPT, database=database) == ""


@pytest.mark.parametrize(
    "statement",
    [
        LEAVES_MARK,
        "SET poolmedic.made_as = '{role}'; ALTER ROLE {role} SET poolmedic.made_as FROM CURRENT",
        "ALTER ROLE {role} IN DATABASE shop SET poolmedic.made_as = '{role}'",
        "ALTER ROLE ALL SET poolmedic.made_as = '{role}'",
        "ALTER DATABASE shop SET poolmedic.made_as = '{role}'",
        "GRANT SET ON PARAMETER poolmedic.made_as TO {role}",
        "INSERT INTO pg_db_role_setting VALUES (0, 0, ARRAY['poolmedic.made_as={role}'])",
        "UPDATE pg_db_role_setting SET setconfig = ARRAY['poolmedic.made_as={role}']",
    ],
)
async def test_only_a_superuser_can_leave_the_mark(shop: Shop, statement: str) -> None:
    role = "poolmedic_definer"
    await shop.owner.execute(f"CREATE ROLE {role}; GRANT {role} TO {OWNER} WITH SET TRUE")
    for as_role in ("RESET ROLE", f"SET ROLE {role}"):
        await shop.owner.execute(as_role)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await shop.owner.execute(statement.format(role=role))
    await shop.owner.execute("RESET ROLE")
    await shop.owner.execute(f"REVOKE {role} FROM {OWNER} GRANTED BY {OWNER}")
    await shop.root.execute(f"REVOKE {role} FROM {OWNER}")
    refused = await shop.refusal(SCRIPT)
    assert blames(refused, role)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER ROLE poolmedic_index RENAME TO poolmedic_definer",
        "DROP ROLE poolmedic_index",
        f"GRANT poolmedic_index TO {OWNER}",
        "ALTER ROLE poolmedic_index PASSWORD 'known'",
        "CREATE DATABASE copy TEMPLATE covetpy",
        "CREATE SCHEMA poolmedic AUTHORIZATION poolmedic_index",
        "REASSIGN OWNED BY poolmedic_index TO CURRENT_USER",
    ],
)
async def test_a_role_that_we_made_is_out_of_the_owners_reach(shop: Shop, statement: str) -> None:
    await shop.root.execute(INDEX_SCRIPT.read_text())
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await shop.owner.execute(statement)


async def test_the_mark_of_one_role_is_none_under_another_name(shop: Shop) -> None:
    await shop.root.execute(INDEX_SCRIPT.read_text())
    await shop.root.execute(f"GRANT poolmedic_index TO {OWNER} WITH ADMIN OPTION")
    await shop.owner.execute("ALTER ROLE poolmedic_index RENAME TO poolmedic_definer")
    await shop.root.execute(f"REVOKE poolmedic_definer FROM {OWNER}")
    assert blames(await shop.refusal(SCRIPT), "poolmedic_definer")


async def test_the_mark_goes_with_the_role(shop: Shop) -> None:
    assert await shop.refusal(SCRIPT) == ""
    async with connected(shop.dsn("postgres")) as administrator:
        await sweep(administrator)
    await shop.plant("poolmedic_definer")
    assert blames(await shop.refusal(SCRIPT), "poolmedic_definer")
