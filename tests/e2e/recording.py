"""Everything that a drill's worker asks of the engine and of the database, written down outside of it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass

from docker import APIClient
from docker.errors import NotFound

from deploy.demo.check import is_full
from deploy.demo.scenario import Scenario
from tests.e2e.drill_stand import Ended, Stand, left_alone
from tests.ports.engine_proxy import EngineProxy, Request
from tests.ports.statements import StatementLog, recorded
from workflows.models.base import Moment

NAMED = re.compile(r"/(?P<kind>containers|exec)/(?P<id>[0-9a-f]{64})/")


@dataclass(frozen=True)
class Recording:
    """By the engine's proxy, and by PostgreSQL's own log."""

    engine: EngineProxy
    statements: StatementLog

    async def offences(self) -> list[str]:
        """What could have changed something."""
        asked = [each for each in self.engine.requests if each.method != "GET"]
        with closing(APIClient(base_url=self.engine.engine)) as engine:
            requests = [f"{each.method} {each.path}" for each in asked if not _names_nobody(each, engine)]
        return requests + await self.statements.offences()

    async def readings(self, since: Moment) -> int:
        """How often both were asked, the one that was asked less."""
        statements = [each for each in await self.statements.read() if each.at > since]
        return min(len(self.engine.requests), len(statements))


def _names_nobody(request: Request, engine: APIClient) -> bool:
    """What a proxy bars is found out with an id that nobody has: here by the word of the engine behind it."""
    if (found := NAMED.match(request.path)) is None:
        return False
    try:
        {"containers": engine.inspect_container, "exec": engine.exec_inspect}[found["kind"]](found["id"])
    except NotFound:
        return True
    return False


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


def unmet_but_brief(ended: Ended) -> list[str]:
    """Without the moments in which a connection is free: whoever waits gives up after the application's 15 s.

    The pool is full again at once, so most looks have to see it so.
    """
    since = next(each.at for each in ended.drill.scenes if is_full(each))
    looks = [is_full(each) for each in ended.drill.scenes if each.at >= since]
    assert sum(looks) > len(looks) / 2
    return [each for each in ended.unmet if not each.startswith("Left alone")]


@asynccontextmanager
async def alone(stand: Stand, scenario: Scenario) -> AsyncIterator[Ended]:
    """It, left alone and ended: its worker has read, and asked for nothing that could change anything."""
    async with record(stand) as recording:
        ended = await stand.run(left_alone(scenario))
        assert await recording.offences() == []
        assert await recording.readings(since=ended.drill.fault_at) > 0
        yield ended
