"""Fixtures of several end-to-end suites: the drill's application, and the webhook."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from deploy.local.postgres import Postgres
from deploy.local.state import State
from deploy.local.temporal import Temporal
from tests.e2e.target_stand import SCHEMA, Target, run_target
from tests.e2e.webhook_stand import Stand, stand
from worker.namespace import set_up


@pytest.fixture(scope="module")
async def server(postgres_server: Postgres) -> Postgres:
    """PostgreSQL with the tables of the drill's application."""
    connection = await asyncpg.connect(postgres_server.application_dsn)
    await connection.execute(SCHEMA.read_text())
    await connection.close()
    return postgres_server


@pytest.fixture
async def target(stack_state: State, server: Postgres, tmp_path: Path) -> AsyncIterator[Target]:
    """Four connections, half a second of patience, and a checkout of a second counts as leaked."""
    async with run_target(
        stack_state, server, tmp_path, POOL_ACQUIRE_TIMEOUT="0.5", POOL_LEAK_AFTER="1"
    ) as target:
        yield target


@pytest.fixture(scope="module")
async def client(temporal_server: Temporal) -> Client:
    """Client of the real Temporal server, which is set up for incidents."""
    client = await Client.connect(temporal_server.address, data_converter=pydantic_data_converter)
    await set_up(client)
    return client


@pytest.fixture
async def webhook(client: Client) -> AsyncIterator[Stand]:
    """Webhook before that server, with two targets of its own."""
    async with stand(client) as running:
        yield running
