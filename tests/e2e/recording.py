"""Everything that a drill's worker asks of the engine and of the database, written down outside of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.e2e.drill_stand import Stand
from tests.ports.engine_proxy import EngineProxy
from tests.ports.statements import StatementLog, recorded
from workflows.models.base import Moment


@dataclass(frozen=True)
class Recording:
    """By the engine's proxy, and by PostgreSQL's own log."""

    engine: EngineProxy
    statements: StatementLog

    async def offences(self) -> list[str]:
        """What could have changed something."""
        requests = [f"{each.method} {each.path}" for each in self.engine.requests if each.method != "GET"]
        return requests + await self.statements.offences()

    async def readings(self, since: Moment) -> int:
        """How often both were asked, the one that was asked less."""
        statements = [each for each in await self.statements.read() if each.at > since]
        return min(len(self.engine.requests), len(statements))


@asynccontextmanager
async def record(stand: Stand) -> AsyncIterator[Recording]:
    """For the block: of the workers of drills that are prepared in it."""
    stack = stand.stage.stack
    with EngineProxy.before(stack.engine.address) as engine:
        async with (
            recorded(stack.postgres) as statements,
            stand.redirected(POOLMEDIC_DOCKER_HOST=engine.address),
        ):
            yield Recording(engine, statements)
