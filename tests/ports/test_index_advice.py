"""An index is advised only where it is certain which table is meant, and that the query would use it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from deploy.local.postgres import Postgres
from deploy.local.postgres_roles import INDEX_SCRIPT
from tests.fakes.indexes import TABLE
from tests.ports.database_stage import Connection
from tests.ports.index_stage import QUERY, RealIndexes, open_indexes
from tests.ports.test_indexes import NAME, advise, advise_without, create
from workflows.errors import PreconditionGone, SourceRefused

OTHER = "other"
PLANTED = """
CREATE SCHEMA evil;
CREATE TABLE evil.ran (what text);
GRANT ALL ON ALL TABLES IN SCHEMA evil TO PUBLIC;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE FUNCTION evil.pg_has_role(oid, text) RETURNS boolean VOLATILE LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO evil.ran VALUES ('pg_has_role'); RETURN true; END $$;
CREATE FUNCTION evil.same(name, name) RETURNS boolean VOLATILE LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO evil.ran VALUES ('='); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.same);
CREATE FUNCTION evil.lure() RETURNS integer IMMUTABLE LANGUAGE plpgsql AS
    $$ BEGIN PERFORM set_config('search_path', 'evil, pg_catalog', false); RETURN 7; END $$;
"""
READS_LURE = f"SELECT count(*) FROM {TABLE} WHERE receiver = evil.lure()"  # noqa: S608


@pytest.fixture
async def stage(postgres_server: Postgres) -> AsyncIterator[RealIndexes]:
    async with open_indexes(postgres_server) as found:
        yield found


async def refusal(stage: RealIndexes) -> str:
    """Why no index is advised while the query runs."""
    with pytest.raises(PreconditionGone, match="no index is known") as refused:
        await advise(stage)
    return refused.value.message


async def test_what_the_applications_functions_set_while_a_plan_is_read_does_not_last(
    stage: RealIndexes,
) -> None:
    owner = await stage.connect()
    await owner.execute(PLANTED)
    try:
        await stage.query(READS_LURE)
        await stage.execute("TRUNCATE evil.ran")

        assert (await advise(stage)).columns == ("receiver",)

        assert await owner.fetch("SELECT what FROM evil.ran") == []
    finally:
        await stage.execute("DROP SCHEMA evil CASCADE")


async def test_a_login_with_the_rights_of_a_superuser_is_refused(
    stage: RealIndexes, admin: Connection
) -> None:
    await admin.execute("GRANT postgres TO poolmedic_index WITH INHERIT FALSE, SET FALSE")
    try:
        with pytest.raises(SourceRefused, match=r"a superuser or a member of one \(postgres\)"):
            await stage.indexes.try_login(stage.target.database)
        with pytest.raises(SourceRefused, match="a superuser or a member of one"):
            await advise(stage)
        with pytest.raises(SourceRefused, match="a superuser or a member of one"):
            await create(stage)
        with pytest.raises(asyncpg.RaiseError, match="poolmedic_index is a member of a superuser: postgres"):
            await admin.execute(INDEX_SCRIPT.read_text())
    finally:
        await admin.execute("ROLLBACK; REVOKE postgres FROM poolmedic_index")
    assert await stage.names() == {}


async def test_a_table_of_a_superuser_is_for_a_person(stage: RealIndexes) -> None:
    await stage.execute(f"ALTER TABLE {TABLE} OWNER TO postgres", f"GRANT ALL ON {TABLE} TO covetpy")
    try:
        said = await refusal(stage)
    finally:
        await stage.execute(f"ALTER TABLE {TABLE} OWNER TO covetpy")

    assert f"public.{TABLE} belongs to postgres, a superuser" in said
    assert "never make the login a member" in said


async def test_the_table_is_the_one_that_the_applications_sessions_read(stage: RealIndexes) -> None:
    owner = await stage.connect()
    await owner.execute(f"CREATE SCHEMA {OTHER}; CREATE TABLE {OTHER}.{TABLE} (LIKE public.{TABLE})")
    try:
        with stage.running(f"{OTHER}, public"):
            with pytest.raises(
                PreconditionGone, match=f"hold no lock on public.{TABLE}, so they mean another"
            ):
                await advise_without(stage)
            with (
                stage.running(),
                pytest.raises(PreconditionGone, match=f"mean public.{TABLE} or its namesake in {OTHER}"),
            ):
                await advise_without(stage)
        assert (await advise(stage)).namespace == "public"
    finally:
        await stage.execute(f"DROP SCHEMA {OTHER} CASCADE")


async def test_a_lock_of_an_earlier_statement_is_no_proof(stage: RealIndexes) -> None:
    session = await stage.connect()
    await session.execute("BEGIN")
    await session.fetch(QUERY, 7)

    with pytest.raises(PreconditionGone, match="nobody runs it now"):
        await advise_without(stage)


@pytest.mark.parametrize(
    ("change", "statement", "arguments", "why"),
    [
        ("", "receiver::text = $1", ("7",), r"casts receiver \(integer\) to text"),
        ("ALTER TABLE {t} ADD body jsonb", "body = $1", ("{}",), "body is of type jsonb"),
        ("ALTER TABLE {t} ADD body bytea", "body = $1", (b"",), "body is of type bytea"),
        ("ALTER TABLE {t} ADD body integer[]", "body = $1", ([1],), r"body is of type integer\[\]"),
        ("ALTER TABLE {t} ADD body text", "body = $1", ("",), "no statistics of body: ANALYZE it first"),
        (
            "SELECT pg_clear_relation_stats('public', '{t}')",
            "receiver = $1",
            (7,),
            "has no statistics: ANALYZE it first",
        ),
        (
            "UPDATE {t} SET receiver = 1 WHERE id % 8 = 0; ANALYZE {t}",
            "receiver = $1",
            (7,),
            "one value of receiver has a large part",
        ),
        ("ALTER TABLE {t} ENABLE ROW LEVEL SECURITY", "receiver = $1", (7,), "row-level security"),
        (
            "CREATE INDEX part ON {t} (receiver) WHERE kind = 1",
            "receiver = $1",
            (7,),
            r"an index with a condition or on an expression of such a column \(part\)",
        ),
        ("CREATE INDEX odd ON {t} (kind, (receiver + 1))", "receiver = $1", (7,), r"expression .* \(odd\)"),
        ("CREATE INDEX odd ON {t} (id) WHERE receiver > 9", "receiver = $1", (7,), r"condition .* \(odd\)"),
        ("CREATE VIEW {n} AS SELECT 1", "receiver = $1", (7,), "the name public.{n} is taken"),
    ],
)
async def test_what_a_person_has_to_judge(
    stage: RealIndexes, change: str, statement: str, arguments: tuple[object, ...], why: str
) -> None:
    names = {"t": TABLE, "n": NAME}
    await stage.execute(*filter(None, change.format(**names).split("; ")))
    try:
        await stage.query(f"SELECT count(*) FROM {TABLE} WHERE {statement}", *arguments)  # noqa: S608

        with pytest.raises(PreconditionGone, match=why.replace("{n}", NAME)):
            await advise(stage)
    finally:
        await stage.execute(f"DROP VIEW IF EXISTS {NAME}")


async def test_an_invalid_index_on_the_column_is_told_with_the_statement_that_drops_it(
    stage: RealIndexes,
) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        await stage.execute(f'CREATE UNIQUE INDEX CONCURRENTLY "By Receiver" ON {TABLE} (receiver)')

    assert 'DROP INDEX CONCURRENTLY public."By Receiver"' in await refusal(stage)


async def test_a_schema_in_which_nothing_may_be_created_is_told(stage: RealIndexes) -> None:
    await stage.execute(
        "CREATE SCHEMA shut", "GRANT USAGE ON SCHEMA shut TO covetpy", f"ALTER TABLE {TABLE} SET SCHEMA shut"
    )
    try:
        await stage.query(f"SELECT max(kind) FROM shut.{TABLE} WHERE receiver = $1", 7)  # noqa: S608

        assert "may not create anything in its schema" in await refusal(stage)
    finally:
        await stage.execute("DROP SCHEMA shut CASCADE")


async def test_a_scan_that_is_not_half_of_the_cost_is_for_a_person(stage: RealIndexes) -> None:
    numbers = "generate_series($2::integer, $2) AS n, generate_series($2, $2) AS m"
    await stage.query(
        f"SELECT count(*) FROM {TABLE} AS p, {numbers} WHERE p.receiver = $1 AND n + m > p.id",  # noqa: S608
        7,
        2,
    )

    assert "so something else makes it slow" in await refusal(stage)


@pytest.mark.parametrize(
    ("kind", "unbounded"), [("text", True), ("varchar(600)", False), ("varchar(700)", True)]
)
async def test_a_column_whose_values_may_be_too_long_is_told(
    stage: RealIndexes, kind: str, unbounded: bool
) -> None:
    await stage.execute(f"ALTER TABLE {TABLE} ALTER code TYPE {kind}", f"ANALYZE {TABLE}")
    await stage.query(f"SELECT count(*) FROM {TABLE} WHERE code = $1", "a")  # noqa: S608

    found = await advise(stage)

    assert found.columns == ("code",)
    assert found.unbounded == (("code",) if unbounded else ())


async def test_the_smallest_right_that_suffices_is_the_one_of_the_readme(
    stage: RealIndexes, admin: Connection
) -> None:
    options = await admin.fetchrow(
        "SELECT inherit_option, set_option FROM pg_auth_members AS m"
        " WHERE m.member = 'poolmedic_index'::regrole AND m.roleid = 'covetpy'::regrole"
    )
    assert options is not None
    assert tuple(options) == (True, False)
    assert (await create(stage)).touched[0].result == "created, valid"
    assert await stage.names() == {NAME: True}
