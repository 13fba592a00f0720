"""The script of deploy/postgres, applied by a superuser in a database whose owner has planted something."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest

from activities.postgres import PostgresDatabase
from deploy.local.postgres import Postgres
from deploy.local.postgres_home import programs
from deploy.local.postgres_roles import SCRIPT, TIMEOUT_SCRIPT, allow
from tests.ports import examples
from tests.ports.sessions import Connection, connected, describe, leaking, terminate

OWNER = "covetpy"
RISE = f"EXECUTE 'ALTER ROLE {OWNER} SUPERUSER'"
FUNCTION = "LANGUAGE plpgsql AS $$ BEGIN"
RIGHTS = """
SELECT given.what, coalesce(r.rolname::text, 'PUBLIC') AS holder, entry.privilege_type, entry.is_grantable
  FROM (SELECT nspname::text AS what, nspacl AS acl, nspowner AS owner
          FROM pg_namespace WHERE nspname = 'poolmedic'
        UNION ALL SELECT relname::text, relacl, relowner
          FROM pg_class WHERE relnamespace = 'poolmedic'::regnamespace
        UNION ALL SELECT attname::text, attacl, 0
          FROM pg_attribute WHERE attrelid = 'poolmedic.application_role'::regclass
        UNION ALL SELECT proname::text, proacl, proowner
          FROM pg_proc WHERE pronamespace = 'poolmedic'::regnamespace
       ) AS given
 CROSS JOIN aclexplode(given.acl) AS entry
  LEFT JOIN pg_roles AS r ON r.oid = entry.grantee
 WHERE entry.grantee <> given.owner
"""
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Ground:
    """A new database of the application's role, and who is at work in it."""

    server: Postgres
    database: str
    owner: Connection
    administrator: Connection
    """A superuser who looks for himself."""

    async def apply(self) -> None:
        async with connected(self.dsn("postgres")) as administrator:
            await administrator.execute(SCRIPT.read_text())

    async def apply_carelessly(self) -> None:
        """By psql without any of the documented options: an error does not end the run."""
        psql = await asyncio.create_subprocess_exec(
            programs() / "psql", "-X", "-q", "-d", self.dsn("postgres"), "-f", str(SCRIPT)
        )
        assert await psql.wait() == 0

    async def allow_the_application(self) -> None:
        """The second line of the README."""
        async with connected(self.dsn("postgres")) as administrator:
            await allow(administrator, OWNER)

    def dsn(self, role: str) -> str:
        return self.server.dsn(role, self.database)

    async def has_risen(self) -> bool:
        return bool(
            await self.administrator.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = $1", OWNER)
        )

    async def owners(self) -> set[str]:
        """Of everything in the schema."""
        rows = await self.administrator.fetch(
            "SELECT proowner::regrole::text AS owner FROM pg_proc"
            " WHERE pronamespace = to_regnamespace('poolmedic')"
            " UNION SELECT relowner::regrole::text FROM pg_class"
            " WHERE relnamespace = to_regnamespace('poolmedic')"
        )
        return {row["owner"] for row in rows}

    async def rights(self) -> set[tuple[object, ...]]:
        """On what in the schema, whose, which, and whether it may be handed on; its owners' left out."""
        return {tuple(row) for row in await self.administrator.fetch(RIGHTS)}


@pytest.fixture
async def ground(postgres_server: Postgres) -> AsyncIterator[Ground]:
    name = f"hostile_{next(_numbers)}"
    async with connected(postgres_server.superuser_dsn) as root:
        await root.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
        try:
            async with connected(postgres_server.dsn(OWNER, name)) as owner:
                # A path set for the database holds for whoever logs in from now on, superusers too.
                await owner.execute(f"ALTER DATABASE {name} SET search_path = public, pg_catalog")
                async with connected(postgres_server.dsn("postgres", name)) as administrator:
                    await administrator.execute("SET search_path = pg_catalog")
                    yield Ground(postgres_server, name, owner, administrator)
        finally:
            await root.execute(f"ALTER ROLE {OWNER} NOSUPERUSER")
            await root.execute("REVOKE poolmedic_definer, poolmedic FROM billing CASCADE")
            await root.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def plant_a_schema(ground: Ground) -> None:
    await ground.owner.execute(f"""
        CREATE SCHEMA poolmedic;
        CREATE TABLE poolmedic.application_role (role name PRIMARY KEY);
        CREATE FUNCTION poolmedic.rise() RETURNS trigger {FUNCTION} {RISE}; RETURN NEW; END $$;
        CREATE TRIGGER rise BEFORE INSERT ON poolmedic.application_role
            FOR EACH ROW EXECUTE FUNCTION poolmedic.rise();
        CREATE FUNCTION poolmedic.end_any(int) RETURNS boolean LANGUAGE sql SECURITY DEFINER
            AS 'SELECT pg_terminate_backend($1)'""")


async def test_functions_and_tables_of_the_owner_are_not_taken_for_the_servers(ground: Ground) -> None:
    await ground.owner.execute(f"""
        CREATE FUNCTION public.format(text, regprocedure) RETURNS text
            {FUNCTION} {RISE}; RETURN pg_catalog.format($1, $2); END $$;
        CREATE FUNCTION public.current_database() RETURNS name {FUNCTION} {RISE}; RETURN ''; END $$;
        CREATE FUNCTION public.differs(name, name) RETURNS boolean {FUNCTION} {RISE}; RETURN false; END $$;
        CREATE OPERATOR public.<> (LEFTARG = name, RIGHTARG = name, FUNCTION = public.differs);
        CREATE TABLE public.pg_auth_members (roleid oid, member oid, admin_option boolean)""")
    await ground.apply()
    await ground.allow_the_application()
    assert not await ground.has_risen()
    async with (
        leaking(ground.server, ground.dsn(OWNER)) as leak,
        connected(ground.dsn("poolmedic")) as medic,
    ):
        await medic.execute("SET search_path = pg_catalog")
        assert await terminate(medic, await describe(medic, leak.get_server_pid()))
    assert not await ground.has_risen()


async def test_the_evidence_is_the_servers_whatever_the_owner_calls_the_same(ground: Ground) -> None:
    await ground.apply()
    await ground.allow_the_application()
    await ground.owner.execute("""
        CREATE TABLE public.pg_stat_activity (LIKE pg_catalog.pg_stat_activity);
        GRANT SELECT ON public.pg_stat_activity TO PUBLIC""")
    database = PostgresDatabase({examples.DSN: ground.dsn("poolmedic")})
    try:
        async with leaking(ground.server, ground.dsn(OWNER), examples.APPLICATION) as leak:
            reading = await database.read_database(examples.look(examples.target(dbname=ground.database)))
            assert leak.get_server_pid() in {session.identity.pid for session in reading.sessions}
    finally:
        await database.close()


async def test_a_schema_that_the_owner_made_is_refused_and_nothing_in_it_is_handed_over(
    ground: Ground,
) -> None:
    await plant_a_schema(ground)
    with pytest.raises(asyncpg.RaiseError, match=r"schema poolmedic of covetpy, .*end_any") as refused:
        await ground.apply()
    assert "DROP SCHEMA poolmedic CASCADE" in (refused.value.hint or "")
    assert await ground.owners() == {OWNER}


async def test_it_is_refused_as_a_whole_even_where_errors_do_not_stop_the_run(ground: Ground) -> None:
    await plant_a_schema(ground)
    await ground.apply_carelessly()
    assert await ground.owners() == {OWNER}
    assert not await ground.has_risen()


async def test_after_the_planted_schema_is_gone_it_applies_and_applies_again(ground: Ground) -> None:
    await plant_a_schema(ground)
    await ground.administrator.execute("DROP SCHEMA poolmedic CASCADE")
    for _ in range(2):
        await ground.apply()
    await ground.allow_the_application()
    assert not await ground.has_risen()
    assert await ground.owners() == {"poolmedic_definer", "postgres"}


@pytest.mark.parametrize(
    ("planted", "named"),
    [
        ("CREATE TABLE poolmedic.mine ()", "table poolmedic.mine of billing"),
        ("CREATE FUNCTION poolmedic.mine() RETURNS int RETURN 1", r"function poolmedic.mine\(\) of billing"),
        ("CREATE TYPE poolmedic.mine AS ENUM ()", "type poolmedic.mine of billing"),
    ],
)
async def test_a_foreign_piece_in_our_own_schema_is_refused(ground: Ground, planted: str, named: str) -> None:
    await ground.apply()
    await ground.administrator.execute("GRANT USAGE, CREATE ON SCHEMA poolmedic TO billing")
    async with connected(ground.dsn("billing")) as stranger:
        await stranger.execute(planted)
    with pytest.raises(asyncpg.RaiseError, match=named):
        await ground.apply()


@pytest.mark.parametrize("grant", ["poolmedic_definer TO billing", "poolmedic TO billing WITH ADMIN OPTION"])
async def test_a_role_that_somebody_else_holds_is_refused(ground: Ground, grant: str) -> None:
    await ground.administrator.execute(f"GRANT {grant}")
    with pytest.raises(asyncpg.RaiseError, match=f"{grant.split()[0]} \\(billing may act as it\\)"):
        await ground.apply()
    assert await ground.owners() == set()


TABLE = "poolmedic.application_role"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            f"""CREATE FUNCTION public.rise() RETURNS trigger {FUNCTION} {RISE}; RETURN NEW; END $$;
                CREATE TRIGGER rise BEFORE INSERT ON {TABLE} FOR EACH ROW EXECUTE FUNCTION public.rise()""",
            "trigger rise on table poolmedic.application_role",
        ),
        (f"CREATE RULE more AS ON INSERT TO {TABLE} DO ALSO SELECT 1", "rule more on table"),
        (f"ALTER TABLE {TABLE} ADD CHECK (role <> '')", "constraint application_role_role_check on table"),
        (f"ALTER TABLE {TABLE} ALTER role SET DEFAULT ''", "default value for column role of table"),
        (f"ALTER TABLE {TABLE} ADD note int", "column note of table"),
        (f"CREATE INDEX plain ON {TABLE} (lower(role::text))", "index poolmedic.plain"),
        (f"CREATE TABLE public.child () INHERITS ({TABLE})", "inheritance with public.child"),
        (f"CREATE TABLE public.other (role name REFERENCES {TABLE})", "constraint other_role_fkey"),
        (f"CREATE POLICY all_of_them ON {TABLE}", "policy all_of_them on table"),
        (f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY", "not a plain table of a superuser"),
        (f"ALTER TABLE {TABLE} OWNER TO poolmedic_definer", "not a plain table of a superuser"),
        (f"ALTER TABLE {TABLE} SET UNLOGGED", "not a plain table of a superuser"),
        (
            f"DROP TABLE {TABLE} CASCADE; CREATE VIEW {TABLE} AS TABLE pg_roles",
            "not a plain table of a superuser",
        ),
    ],
)
async def test_a_table_that_is_not_as_it_was_made_is_refused(ground: Ground, change: str, named: str) -> None:
    await ground.apply()
    await ground.administrator.execute(change)
    with pytest.raises(asyncpg.RaiseError, match=named) as refused:
        await ground.apply()
    assert "do not write" in (refused.value.hint or "")


async def test_rights_that_others_were_given_are_taken_back(ground: Ground) -> None:
    await ground.apply()
    async with connected(ground.dsn("postgres")) as administrator:
        await administrator.execute(TIMEOUT_SCRIPT.read_text())
    as_made = await ground.rights()
    assert {holder for _, holder, *_ in as_made} == {"poolmedic", "poolmedic_definer", "poolmedic_configurer"}
    for whom in ("PUBLIC", "billing WITH GRANT OPTION", "poolmedic WITH GRANT OPTION"):
        for right in (
            "ALL ON SCHEMA poolmedic",
            "ALL ON ALL TABLES IN SCHEMA poolmedic",
            "ALL ON ALL FUNCTIONS IN SCHEMA poolmedic",
            f"INSERT (role) ON {TABLE}",
        ):
            await ground.administrator.execute(f"GRANT {right} TO {whom}")
    async with connected(ground.dsn("poolmedic")) as medic:
        await medic.execute("SET default_transaction_read_only = off")
        await medic.execute(f"GRANT SELECT ON poolmedic.treatable_session TO {OWNER}")
    assert {OWNER, "PUBLIC", "billing"} <= {holder for _, holder, *_ in await ground.rights()}
    await ground.apply()
    assert await ground.rights() == as_made


async def test_whoever_was_let_call_the_timeout_is_let_no_more(ground: Ground) -> None:
    await ground.apply()
    may = (
        "SELECT has_function_privilege('billing', 'poolmedic.set_session_timeout(name,int,text)', 'EXECUTE')"
    )
    async with connected(ground.dsn("postgres")) as administrator:
        await administrator.execute(TIMEOUT_SCRIPT.read_text())
        await administrator.execute("GRANT EXECUTE ON FUNCTION poolmedic.set_session_timeout TO billing")
        assert await ground.administrator.fetchval(may)
        await administrator.execute(TIMEOUT_SCRIPT.read_text())
    assert not await ground.administrator.fetchval(may)
