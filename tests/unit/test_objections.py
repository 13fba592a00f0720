"""Silences and maintenance are asked once more by the act itself, and by every kind of act."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, override

import pytest
from temporalio import workflow
from temporalio.activity import ActivityCancellationDetails
from temporalio.testing import ActivityEnvironment

from activities import objections
from activities.objections import heed
from tests.fakes import cases
from workflows.effects import Effects
from workflows.errors import NotPermitted, SourceUnavailable
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.models.plan import (
    Act,
    Cancellation,
    IndexCreation,
    Resize,
    Restart,
    SessionTimeout,
    Termination,
)
from workflows.ports.activities import Alerts
from workflows.ports.requests import Look

SUBJECT = cases.target()
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Told(Alerts):
    """Says that, or raises it."""

    def __init__(self, said: str | Exception | None) -> None:
        self._said = said

    @override
    async def read_silence(self, look: Look) -> str | None:
        if isinstance(self._said, Exception):
            raise self._said
        return self._said


class Mute(Alerts):
    """Never answers."""

    def __init__(self) -> None:
        self.is_asked = asyncio.Event()

    @override
    async def read_silence(self, look: Look) -> str | None:
        self.is_asked.set()
        await asyncio.Event().wait()
        return None


async def ask(alerts: Alerts, **rules: Any) -> None:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, started_time=NOON)
    look = Look(target=SUBJECT, policy=cases.policy(**rules), alert_name=cases.ALERT)
    await environment.run(heed, alerts, look)


async def test_where_nobody_objects_the_act_goes_on() -> None:
    await ask(Told(None), maintenance=[{"begins": "13:00", "ends": "14:00"}])


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ('silenced by "ada"', 'the alert is silenced: silenced by "ada"'),
        ("", "the alert is silenced: "),
        (SourceUnavailable("refused"), "whether the alert is silenced could not be read: refused"),
    ],
)
async def test_a_silence_refuses_and_so_does_one_that_cannot_be_read(
    said: str | Exception, refusal: str
) -> None:
    with pytest.raises(NotPermitted) as raised:
        await ask(Told(said))
    assert raised.value.message == refusal


async def test_no_answer_in_time_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objections, "_LONGEST", 0.05)
    with pytest.raises(NotPermitted, match="could not be read: no answer within"):
        await ask(Mute())


async def test_one_that_is_called_off_meanwhile_was_not_permitted() -> None:
    environment = ActivityEnvironment()
    look = Look(target=SUBJECT, policy=cases.policy(), alert_name=cases.ALERT)
    mute = Mute()
    asking = asyncio.create_task(environment.run(heed, mute, look))
    await mute.is_asked.wait()
    environment.cancel(ActivityCancellationDetails(worker_shutdown=True))
    with pytest.raises(NotPermitted, match="its worker was told to end before it was permitted"):
        await asking


async def test_maintenance_that_has_begun_refuses() -> None:
    with pytest.raises(NotPermitted, match="maintenance until 2026-05-04 13:00 UTC"):
        await ask(Told(None), maintenance=[{"begins": "11:59", "ends": "13:00"}])


ENLARGED = Resize(sizes={"orders-1": 20}, baseline={"orders-1": 10}, lasts=timedelta(hours=4))
ACTS: list[Act] = [
    Termination(sessions=()),
    Cancellation(statements=()),
    Restart(instance="orders-1", container="c", container_id="id", started_at=NOON),
    ENLARGED,
    SessionTimeout(role="r", dbname="d", timeout=timedelta(minutes=1), before=None, sessions=()),
    IndexCreation(query_id=1, namespace="n", table="t", columns=("c",), name="i", limit=timedelta(minutes=1)),
]


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What activities were asked for."""
    asked: list[Any] = []

    async def execute(_method: object, request: object, **_options: object) -> Outcome:
        asked.append(request)
        return Outcome(status=OutcomeStatus.DONE)

    monkeypatch.setattr(workflow, "execute_activity_method", execute)
    return asked


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.option)
async def test_every_act_carries_what_silences_and_maintenance_are_asked_by(
    act: Act, requests: list[Any]
) -> None:
    rules = cases.policy(maintenance=[{"begins": "13:00", "ends": "14:00"}])
    effects = Effects(cases.case(SUBJECT, rules, cases.alert(SUBJECT, NOON)))
    effects.hear(cases.alert(SUBJECT, NOON, fingerprint="f2", labels={"instance": "web-2"}))
    await effects.act(act, "poolmedic")
    (request,) = requests
    assert request.guard.policy == rules
    assert [alert.labels.get("instance") for alert in request.guard.alerts] == [None, "web-2"]


async def test_what_takes_a_temporary_size_back_is_asked_by_nobody(requests: list[Any]) -> None:
    """It ends whatever was silenced; maintenance holds it back by itself."""
    effects = Effects(cases.case(SUBJECT, cases.policy(), cases.alert(SUBJECT, NOON)))
    await effects.act(ENLARGED.model_copy(update={"sizes": ENLARGED.baseline}), "the end of its time")
    (request,) = requests
    assert request.guard is None
