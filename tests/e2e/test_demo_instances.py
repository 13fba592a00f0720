"""The drill of three instances of one application, with one name on the server, of which one leaks."""

from collections.abc import AsyncIterator

import httpx
import pytest

from deploy.demo import scenario as scenarios
from deploy.demo.person import text_of
from tests.e2e.drill_stand import QUICK, Stand, left_alone, open_stand
from tests.e2e.recording import Recording, record
from worker.incidents import Incidents
from workflows.models.plan import Termination

INSTANCES = scenarios.INSTANCES
LINK = "acknowledge: "


@pytest.fixture(scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with open_stand(tmp_path_factory.mktemp("instances"), INSTANCES, QUICK) as opened:
        yield opened


@pytest.fixture(scope="module")
async def recording(stand: Stand) -> AsyncIterator[Recording]:
    """For the whole module: its second test goes on with the worker of the first."""
    async with record(stand) as begun:
        yield begun


async def test_left_alone_the_one_stays_exhausted_and_the_others_go_on(
    stand: Stand, recording: Recording
) -> None:
    ended = await stand.run(left_alone(INSTANCES))
    assert ended.unmet == []
    assert await recording.offences() == []
    assert await recording.readings(since=ended.drill.fault_at) > 0


async def test_the_link_in_its_page_stops_the_clock_of_the_acknowledgement(stand: Stand) -> None:
    page = text_of(stand.stage.stack.receiver.messages("/oncall")[0])
    link = next(line.removeprefix(LINK) for line in page.splitlines() if line.startswith(LINK))
    async with httpx.AsyncClient(trust_env=False) as browser:
        assert (await browser.get(link)).status_code == 200
        assert await acknowledgements(stand) == []
        assert "anna has it in hand" in (await browser.post(link, data={"by": "anna"})).text
    assert await acknowledgements(stand) == ["acknowledged by anna (name claimed)"]


async def acknowledgements(stand: Stand) -> list[str]:
    """By the open incident itself, which the drill before left alone."""
    report = await Incidents(stand.stage.client).report(stand.stage.target)
    return [entry.text for entry in report.timeline if "acknowledged" in entry.text]


async def test_instances(stand: Stand) -> None:
    ended = await stand.run(INSTANCES)
    assert ended.unmet == []
    (attempt,) = ended.report.attempts
    act = attempt.proposal.act
    assert isinstance(act, Termination)
    assert {each.pid for each in act.sessions} == {each.pid for each in ended.drill.culprits}
    # No average hides an instance: the verdict was over each of them.
    measured = {each.name: each.measured for each in ended.report.verdicts[-1].criteria}
    assert all(name in measured["pool utilization"] for name in INSTANCES.instances)
