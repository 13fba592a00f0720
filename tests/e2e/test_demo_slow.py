"""The drill of a slow query on the real stack: to its end, left alone, with the worker ended in mid-act."""

import dataclasses
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from deploy.demo import judge, witness
from deploy.demo import scenario as scenarios
from deploy.demo.faults import Demand
from deploy.demo.missing_index import MissingIndex
from deploy.demo.run_history import end_of, scheduled, workers
from tests.e2e.drill_stand import PERMITTED, Ended, Stand, open_stand
from tests.e2e.recording import alone, unmet_but_brief
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.page import Level
from workflows.models.policy import Option

QUIET, CUSTOMERS = Demand(rate=8, hold_ms=50), MissingIndex(rate=6)
USUAL = dataclasses.replace(QUIET, rate=QUIET.rate + CUSTOMERS.rate)
SLOW = dataclasses.replace(scenarios.SLOW, pool_size=12, calm=QUIET, usual=USUAL, fault=CUSTOMERS)
"""The demo's, with less work beside it: reading the table takes a processor, and others use this machine.

All read in step, on one processor: with fewer at once they would end between the look and the cancel.
"""


@pytest.fixture(scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with open_stand(tmp_path_factory.mktemp("slow"), SLOW) as opened:
        yield opened


def effective(ended: Ended) -> list[Attempt]:
    """A statement that came to its end by itself right before its cancel is left alone: `nothing`."""
    return [each for each in ended.report.attempts if each.outcome.status is not OutcomeStatus.NOTHING]


async def test_its_statements_are_cancelled_and_when_it_returns_its_index_is_created(stand: Stand) -> None:
    ended = await stand.run(SLOW)

    assert ended.unmet_but_late == []
    done = [(each.proposal.act.option, each.decided_by) for each in effective(ended)]
    assert done == [(Option.CANCEL, "poolmedic"), (Option.INDEX, "dba-on-call")]
    assert "since the index" in ended.report.attempts[-1].outcome.detail
    assert witness.ended_since(stand.stage, ended.drill.fault_at) == []
    otherwise = dataclasses.replace(ended.drill, scenario=dataclasses.replace(SLOW, acts=frozenset()))
    found = {check.what for check in await judge.judge(otherwise) if not check.holds}
    assert "No statement was cancelled" in found


async def test_killed_after_the_cancels_and_before_their_result(stand: Stand) -> None:
    async def kill(stand: Stand) -> None:
        stand.link.close_after(PERMITTED)
        sight = await stand.see(
            lambda sight: (
                "cancel_queries" in sight.pending
                and bool(witness.cancels_asked_since(stand.stage, stand.begun_at))
            )
        )
        await stand.lose_worker()
        (act,) = scheduled(sight.events, "cancel_queries")
        assert end_of(sight.events, act) is None
        await stand.stage.worker.start()

    ended = await stand.run(SLOW, meanwhile=kill)

    assert len(workers(ended.history)) == 2
    first, *_ = effective(ended)
    assert first.outcome.status is OutcomeStatus.UNKNOWN
    asked = witness.cancels_asked_since(stand.stage, ended.drill.fault_at)
    assert max(Counter(line.message for line in asked).values()) == 1


async def test_left_alone_it_goes_on_and_nothing_is_touched(stand: Stand) -> None:
    async with alone(stand, dataclasses.replace(SLOW, calls=frozenset({Level.L1}), told=())) as ended:
        assert unmet_but_brief(ended) == []
        assert witness.cancels_asked_since(stand.stage, ended.drill.fault_at) == []
