"""No payload of any signal can stop an incident, acknowledge it, decide for it or go unnoticed."""

import asyncio
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowUpdateFailedError

from tests.fakes import cases
from tests.workflow.stage import RunningIncident, Stage
from workflows.models.report import Ending, Report

JUNK: list[tuple[Any, ...]] = [
    (),
    (None,),
    (42,),
    ({"request": ["no", "text"], "by": {}},),
    ([1, 2, 3],),
    (b"\xff\x00",),
    ({}, None),
    ({"by": "ada"}, {"by": "ada"}),
    ("nothing", "like", {"an": "answer"}),
    (1.5, [], "x"),
]


@pytest.fixture
async def asked(stage: Stage) -> RunningIncident:
    """An incident that waits for an answer."""
    stage.world.leak(10, stage.world.after(minutes=-2))
    incident = await stage.incident(cases.policy(mode="approve"))
    await incident.asked()
    return incident


def unread(report: Report) -> list[str]:
    """The lines that say that a message could not be read."""
    told = [entry.text for entry in report.timeline if "paged" not in entry.text]
    return [text for text in told if "could not be read" in text or "no name" in text]


@pytest.mark.parametrize("name", ["alert", "approve", "reject", "acknowledge", "neighbour"])
async def test_junk_is_told_and_harms_nothing(stage: Stage, name: str) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    incident = await stage.incident(cases.policy(mode="approve"))
    request = await incident.asked()
    for payloads in JUNK:
        await incident.signal(name, *payloads)
    await incident.step(minutes=6)

    report = await incident.state()
    assert len(unread(report)) == len(JUNK)
    assert len([page for page in world.paged("L1") if "could not be read" in page.title]) == 1
    assert not world.acts
    assert not report.decisions
    assert [page for page in world.paged("L2") if "acknowledged" in page.title]
    assert (await incident.decide(request.id, "ada")).accepted
    assert (await incident.finish()).outcome is Ending.RECOVERED


UNDECODABLE = [
    Payload(metadata={"encoding": b"json/plain"}, data=b"\xff\xfe"),
    Payload(metadata={"encoding": b"json/plain"}, data=b"approve it"),
    Payload(metadata={"encoding": b"json/plain"}, data=b'{"request": "\\ud800", "by": "ada"}'),
    Payload(metadata={"encoding": b"binary/encrypted"}, data=b"{}"),
    Payload(data=b"{}"),
]


@pytest.mark.parametrize("name", ["alert", "approve", "reject", "acknowledge", "neighbour"])
async def test_what_cannot_even_be_decoded_is_told_too(stage: Stage, name: str) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    incident = await stage.incident(cases.policy(mode="approve"))
    await incident.asked()
    for payload in UNDECODABLE:
        await incident.signal_raw(name, payload)
    await incident.signal_raw(name, *UNDECODABLE[:2])
    report = await incident.until(lambda report: len(unread(report)) == len(UNDECODABLE) + 1)
    await incident.step(minutes=6)

    assert not report.decisions
    assert [page for page in world.paged("L1") if "could not be read" in page.title]
    assert [page for page in world.paged("L2") if "acknowledged" in page.title]


@pytest.mark.parametrize(
    ("payloads", "message"),
    [
        *[(payloads, "the answer could not be read; send") for payloads in JUNK],
        (({"request": "a1b2", "by": "ada"},), '"approve": true'),
        (({"request": "a1b2", "by": " ", "approve": True},), "say in `by` who decides"),
    ],
)
async def test_a_command_that_cannot_be_read_says_how_to_write_it(
    asked: RunningIncident, payloads: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await asked.handle.execute_update("decide", args=list(payloads))
    assert message in str(refused.value.cause)


async def test_an_unknown_signal_harms_nothing(stage: Stage) -> None:
    stage.world.leak(10, stage.world.after(minutes=-2))
    incident = await stage.incident()
    await incident.signal("self-destruct", {"now": True})
    assert (await incident.finish()).outcome is Ending.RECOVERED


async def test_an_answer_as_texts_counts_too(stage: Stage) -> None:
    stage.world.leak(10, stage.world.after(minutes=-2))
    incident = await stage.incident(cases.policy(mode="approve"))
    request = await incident.asked()
    await incident.signal("reject", request.id, "grace", "we are at it")
    report = await incident.until(lambda report: report.decisions)

    assert report.decisions[0].accepted
    assert not report.decisions[0].approve
    assert not stage.world.acts


async def test_the_same_alert_twenty_times_at_once_is_one_run_and_one_act(stage: Stage) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    incident = await stage.incident()
    await asyncio.gather(*(stage.deliver(incident.case) for _ in range(20)))
    summary = await incident.finish()

    assert summary.acts == 1
    assert world.kinds() == ["end"] * 10
    (_, report) = world.reports[-1]
    assert len([entry for entry in report.timeline if "is firing" in entry.text]) == 1
    assert report.recurrences == 0


async def test_a_late_copy_of_a_resolved_alert_opens_nothing_again(stage: Stage) -> None:
    stage.world.leak(10, stage.world.after(minutes=-2))
    incident = await stage.incident()
    await incident.step(minutes=3)
    await incident.resolve()
    await incident.step(minutes=3)
    await incident.signal("alert", incident.case.alert)
    await incident.step(minutes=3)

    assert (await incident.state()).recurrences == 0


async def test_the_same_alert_that_fires_again_after_it_was_resolved_is_heard(stage: Stage) -> None:
    """Prometheus sends the start that it had before, for instance when Alertmanager had lost sight of it."""
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    incident = await stage.incident()
    await incident.step(minutes=3)
    await incident.resolve()
    await incident.step(minutes=7)
    assert (await incident.state()).outcome is Ending.RECOVERED
    world.leak(10, world.after(minutes=8))
    await incident.fire(incident.case.alert.starts_at)
    await incident.step(minutes=1)

    report = await incident.state()
    assert report.recurrences == 1
    assert world.kinds() == ["end"] * 20
