"""Whatever an observing incident asks of the database and the engine changes nothing there."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from activities.warm_connection import SQL
from deploy.local.engine import Engine
from deploy.local.postgres import Postgres
from deploy.local.state import State
from tests.fakes.world import World
from tests.ports import examples
from tests.ports.container_stage import USUAL, RealContainers
from tests.ports.database_stage import RealDatabase
from tests.ports.engine_proxy import EngineProxy
from tests.ports.index_stage import RealIndexes
from tests.ports.kinds import ACTS, READS, TELLS
from tests.ports.statements import StatementLog, recorded
from tests.unit.test_check import everything
from workflows.models.reading import Known
from workflows.models.target import Log
from workflows.ports.requests import QueryLook

OBSERVED = Path(__file__).parents[1] / "replay" / "histories" / "observe.pool.json"
CHANGING = {"terminate", "cancel", "timeout", "read_write", "index_stop"}
"""Statements that can change something."""
OF_ACTS = CHANGING | {"alive", "index_queue", "index_statement", "own_sessions"}
"""Those that only an act sends; of the rest each is seen below, or is for another version of the server."""
OTHER_VERSIONS = {"checkpoints_16", "tally_reset"}


@pytest.fixture
async def log(postgres_server: Postgres) -> AsyncIterator[StatementLog]:
    async with recorded(postgres_server) as recording:
        yield recording


def test_every_activity_is_a_reading_an_act_or_tells_people() -> None:
    offered = {cast("Any", each).__name__ for each in everything(World(examples.target())).activities}
    assert offered == READS | TELLS | ACTS


def test_an_observing_incident_asks_for_nothing_but_readings() -> None:
    events = json.loads(OBSERVED.read_text())["events"]
    scheduled = [each.get("activityTaskScheduledEventAttributes") for each in events]
    assert {each["activityType"]["name"] for each in scheduled if each} <= READS | TELLS


async def test_every_statement_of_every_reading_can_change_nothing(
    postgres_server: Postgres, log: StatementLog
) -> None:
    async with AsyncExitStack() as stack:
        database = RealDatabase(postgres_server, stack)
        await database.leak()
        first = await database.write()
        await database.write(behind=first)
        indexes = RealIndexes(postgres_server, stack)
        await indexes.open()
        look = QueryLook(target=indexes.target, query_id=indexes.query_id)
        with indexes.running():
            reading = await database.port.read_database(examples.look(database.target))
            advice = await examples.environment().run(indexes.port.advise_index, look)
        tally = await examples.environment().run(indexes.port.measure_query, look)
        await indexes.indexes.try_login(indexes.target.database)
        sent = await log.read()
    assert isinstance(reading.blockers, Known)
    assert len(reading.blockers.value) > 0
    assert (advice.columns, tally.calls) == (("receiver",), 1)
    assert Counter(each.role for each in sent).keys() == {"poolmedic", "poolmedic_index"}
    assert await log.offences() == []
    texts = {each.text for each in sent}
    seen = {name for name, text in SQL.items() if text.replace("{schema}", "public") in texts}
    assert seen == SQL.keys() - OF_ACTS - OTHER_VERSIONS


def test_the_judge_tells_what_can_change_something(log: StatementLog) -> None:
    others = (
        "SET TRANSACTION READ WRITE",
        "SELECT pg_terminate_backend(1)",
        "SELECT pg_catalog.pg_cancel_backend (1)",
        "SELECT set_config('default_transaction_read_only', 'off', false)",
        "SELECT set_config($1, $2, false)",
        "SELECT 1; DROP TABLE orders",
        "WITH gone AS (DELETE FROM orders RETURNING 1) SELECT count(*) FROM gone",
        "SELECT * INTO copy FROM orders",
        "EXPLAIN (ANALYZE) EXECUTE slow_query(NULL)",
        "SELECT pg_reload_conf()",
        "SELECT nextval('orders_id')",
        "/* SELECT */ CREATE INDEX ON orders (id)",
    )
    assert [text for text in others if log.offence(text) is None] == []
    assert {name for name in SQL if log.offence(SQL[name].replace("{schema}", "public"))} == CHANGING


async def test_the_engine_is_only_asked(stack_state: State, docker_engine: Engine) -> None:
    async with AsyncExitStack() as stack:
        proxy = stack.enter_context(EngineProxy.before(docker_engine.address))
        stage = RealContainers(stack_state, docker_engine, stack, through=proxy.address)
        await stage.run(USUAL, USUAL)
        log = Log.model_validate({"pattern": "pool"})
        subject = stage.target.model_copy(update={"log": log})
        seen = await asyncio.to_thread(stage.port.read_containers, examples.look(subject))
    assert [isinstance(each, Known) for each in seen.instances.values()] == [True, True]
    assert {request.method for request in proxy.requests} == {"GET"}
    assert len(proxy.requests) >= 5
