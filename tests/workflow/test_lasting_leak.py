"""A leak that comes again although its sessions were ended: a person lets the server end them itself."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.fakes import cases
from tests.workflow.stage import RunningIncident, Stage
from workflows.models.outcome import OutcomeStatus
from workflows.models.plan import SessionTimeout
from workflows.models.policy import Policy
from workflows.models.report import Ending


@pytest.fixture
async def shop(open_stage: Callable[..., Awaitable[Stage]]) -> Stage:
    return await open_stage()


def rules() -> Policy:
    """A leak is ended by hand once, and nothing is restarted."""
    return cases.policy(
        options={"terminate": "alone", "session-timeout": "approval"}, limits={"attempts_per_option": 1}
    )


async def leak_twice(shop: Stage) -> RunningIncident:
    """The first is ended and verified; the second comes while the incident is still watched."""
    shop.world.leak(10, shop.world.after(minutes=-2))
    incident = await shop.incident(rules())
    await incident.until(lambda report: report.attempts)
    await incident.step(minutes=6)
    assert (await incident.state()).outcome is Ending.RECOVERED
    shop.world.leak(10, shop.world.now())
    await incident.step(minutes=2)
    await incident.fire(shop.world.now())
    await incident.asked()
    return incident


async def test_the_timeout_is_set_once_a_person_has_said_so(shop: Stage) -> None:
    incident = await leak_twice(shop)
    assert shop.world.kinds() == ["end"] * 10

    request = await incident.asked()
    assert (await incident.decide(request.id, "ada")).accepted
    report = await incident.until(lambda report: len(report.attempts) == 2)

    assert "to 60 s (set there now: nothing)" in request.effect
    assert shop.world.kinds() == ["end"] * 10 + ["set timeout"] + ["end"] * 10
    act = report.attempts[1].proposal.act
    assert isinstance(act, SessionTimeout)
    assert act.timeout == timedelta(minutes=1)
    assert report.attempts[1].outcome.status is OutcomeStatus.DONE
    await incident.resolve()
    assert (await incident.finish()).outcome is Ending.RECOVERED
    assert shop.world.state(shop.world.after(days=1)).session_timeout == "60000ms"


async def test_a_refused_timeout_goes_to_people(shop: Stage) -> None:
    incident = await leak_twice(shop)
    request = await incident.asked()

    await incident.decide(request.id, "ada", approve=False, reason="batches pause for minutes here")
    await incident.until(lambda report: [one for one in report.escalations if one.level == "L2"])

    assert "set timeout" not in shop.world.kinds()
    assert len((await incident.state()).requests) == 1
