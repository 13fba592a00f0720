"""Fixtures of several suites on the real PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import fsspec
import pytest

from deploy.local import postgres_roles
from deploy.local.postgres import Postgres
from tests.ports.database_stage import Connection
from tests.ports.ftp_stage import PASSWORD, USER, RemoteReports, serve_ftp


@pytest.fixture
async def admin(postgres_server: Postgres) -> AsyncIterator[Connection]:
    """The superuser, in the database of the application."""
    async with postgres_roles.connected(postgres_server, "covetpy") as connection:
        yield connection


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteReports]:
    """Reports on an FTP server of this test's own; its user's folder is there to look into."""
    with serve_ftp(tmp_path / "ftp") as running:
        monkeypatch.setitem(fsspec.config.conf, "ftp", {"username": USER, "password": PASSWORD})
        yield running
