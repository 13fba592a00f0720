"""The drills of locks on the real stack: to their end, left alone, and with the worker ended in mid-act."""

import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from deploy.demo import scenario as scenarios
from deploy.demo import witness
from deploy.demo.faults import Demand
from deploy.demo.migration import MIGRATION
from deploy.demo.run_history import end_of, scheduled, workers
from deploy.demo.sessions import identify
from tests.e2e.drill_stand import LEAKED, PERMITTED, Ended, Stand, open_stand
from tests.e2e.recording import alone, unmet_but_brief
from workflows.models.outcome import OutcomeStatus

QUIET = Demand(rate=8, hold_ms=50)
LOCK = dataclasses.replace(scenarios.LOCK, pool_size=LEAKED, calm=QUIET, usual=QUIET)
DDL = dataclasses.replace(scenarios.DDL, pool_size=LEAKED, calm=QUIET, usual=QUIET)
"""The demo's for a smaller pool, with as much less work."""


@pytest.fixture(scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with open_stand(tmp_path_factory.mktemp("queues")) as opened:
        yield opened


def asked(ended: Ended) -> list[dict[str, Any]]:
    """What the functions of deploy/postgres were asked in this drill, by the server's own log."""
    return [
        json.loads(line.message.removeprefix("poolmedic "))
        for line in ended.drill.stage.stack.postgres.log.asked()
        if line.at >= ended.drill.fault_at
    ]


async def test_of_a_queue_several_levels_deep_exactly_the_root_is_ended(stand: Stand) -> None:
    ended = await stand.run(LOCK)

    assert ended.unmet == []
    (root,) = ended.drill.culprits
    assert [(each["request"], each["pid"], each["signalled"]) for each in asked(ended)] == [
        ("terminate_session", root.pid, True)
    ]


async def test_of_a_queue_behind_a_migration_exactly_its_statement_is_cancelled(stand: Stand) -> None:
    ended = await stand.run(DDL)

    assert ended.unmet == []
    (migration,) = ended.drill.culprits
    (request,) = asked(ended)
    assert (request["request"], request["pid"], request["signalled"]) == ("cancel_query", migration.pid, True)
    assert request["application_name"] == MIGRATION


async def test_killed_after_the_cancel_and_before_its_result(stand: Stand) -> None:
    def is_cancelled() -> bool:
        return len(witness.cancelled_since(stand.stage, stand.begun_at)) == 1

    async def kill(stand: Stand) -> None:
        stand.link.close_after(PERMITTED)
        sight = await stand.see(lambda sight: "cancel_queries" in sight.pending and is_cancelled())
        await stand.lose_worker()
        (act,) = scheduled(sight.events, "cancel_queries")
        assert end_of(sight.events, act) is None
        await stand.stage.worker.start()

    ended = await stand.run(DDL, meanwhile=kill)

    assert ended.unmet_but_late == []
    assert len(workers(ended.history)) == 2
    (attempt,) = ended.report.attempts
    assert attempt.outcome.status is OutcomeStatus.UNKNOWN
    assert len(asked(ended)) == 1


async def test_left_alone_the_migration_stays_in_the_way(stand: Stand) -> None:
    async with alone(stand, DDL) as ended:
        assert ended.unmet == []
        assert asked(ended) == []


async def test_left_alone_the_lock_stays_where_it_is(stand: Stand) -> None:
    async with alone(stand, LOCK) as ended:
        assert unmet_but_brief(ended) == []
        assert asked(ended) == []
        culprits = list(ended.drill.culprits)
        assert await identify(stand.stage.stack.postgres, [each.pid for each in culprits]) == culprits
        assert len(culprits) == 1
