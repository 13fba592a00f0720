"""A fault of migrations: a change of a table waits for a long report, and the application for the change."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.demo.decoys import Decoy, Opening, identities
from deploy.demo.faults import Ground
from deploy.demo.sessions import SessionId, identify
from deploy.local import probes
from deploy.local.errors import StackError
from deploy.local.postgres import SUPERUSER, Postgres
from deploy.local.postgres_roles import connected

READER = "nightly-report"
MIGRATION = "migration"
READ = "SELECT count(*) FROM orders"
CHANGE = "ALTER TABLE orders ADD COLUMN IF NOT EXISTS note text"
WAITING = "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'"
SECONDS_TO_WAIT = 10.0


class MigrationMissing(StackError):
    """The change of the table does not wait as it must; without that the drill would break nothing."""


@dataclass(frozen=True)
class WaitingChange:
    """The report is honest and goes on; only the change in the middle is in the way."""

    @property
    def told(self) -> str:
        return (
            "a long report reads the orders; a migration waits for it to change their table, and every user "
            "waits for the migration."
        )

    async def strike(self, ground: Ground) -> None:
        server = ground.stack.postgres
        role, opening = server.settings.application_role, Opening(server, ground.holding)
        reader = await opening.work(role, READER, begins_with=READ)
        (identity,) = (await identities(server, [reader])).values()
        ground.beside.append(Decoy("the report that the migration waits for", reader, *identity))
        await opening.run(role, MIGRATION, CHANGE)
        if reason := await probes.until(lambda: _is_missing(server), SECONDS_TO_WAIT):
            raise MigrationMissing(reason)

    async def culprits(self, ground: Ground) -> tuple[SessionId, ...] | None:
        """The session whose statement is to be cancelled."""
        return tuple(await identify(ground.stack.postgres, await waiting(ground.stack.postgres))) or None

    async def remains(self, ground: Ground) -> str:
        left = len(await waiting(ground.stack.postgres))
        return f"{left} change of the table waits" if left else ""

    async def relent(self, _ground: Ground) -> None:
        """The report has hours to go, and whoever migrates sleeps."""


async def waiting(server: Postgres) -> list[int]:
    """Server processes of the change that waits."""
    async with connected(server, SUPERUSER) as connection:
        return [row["pid"] for row in await connection.fetch(WAITING, MIGRATION)]


async def _is_missing(server: Postgres) -> str | None:
    return None if await waiting(server) else "the change of the table does not wait"
