"""Fixtures of several suites on the real PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from deploy.local import postgres_roles
from deploy.local.postgres import Postgres
from tests.ports.database_stage import Connection


@pytest.fixture
async def admin(postgres_server: Postgres) -> AsyncIterator[Connection]:
    """The superuser, in the database of the application."""
    async with postgres_roles.connected(postgres_server, "covetpy") as connection:
        yield connection
