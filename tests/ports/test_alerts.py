"""The port Alerts: its contract on the fake and on a real Alertmanager, and what the real one can twist."""

import itertools
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from activities.alertmanager import AlertmanagerAlerts, NoAlertmanager
from deploy.local import alertmanager
from deploy.local.state import State
from tests.fakes import cases
from tests.ports.alerts_stage import AlertsStage, FakeAlertsStage, RealAlertsStage
from tests.ports.canned_server import canned, page
from workflows.models.target import Target
from workflows.ports.requests import Look

NASTY = (
    'a"b',
    "a\\",
    "\\",
    "a\\nb",
    "a\nb",
    "a\rb",
    '"} , alertname=~".*',
    "{x='y'}",
    " space ",
    ".*",
    "ü 🐘",
    "a,b",
)
_number = itertools.count(1)


@pytest.fixture(scope="module")
async def server(stack_state: State) -> AsyncIterator[alertmanager.Alertmanager]:
    """Alertmanager that nobody listens to."""
    nowhere = "http://127.0.0.1:9/"
    settings = alertmanager.Settings(
        poolmedic_url=nowhere,
        people_url=nowhere,
        token_file=stack_state.secret_file("alerts-token"),
        name="alertmanager-of-alerts",
    )
    async with alertmanager.serve(stack_state, settings) as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture
def real(server: alertmanager.Alertmanager, client: httpx.AsyncClient) -> RealAlertsStage:
    return RealAlertsStage(server, client, cases.target(name=f"orders-{next(_number)}"))


@pytest.fixture(params=["fake", "real"])
def stage(request: pytest.FixtureRequest) -> AlertsStage:
    if request.param == "fake":
        return FakeAlertsStage()
    found: RealAlertsStage = request.getfixturevalue("real")
    return found


def look(target: Target) -> Look:
    return Look(target=target, policy=cases.policy(), alert_name=cases.ALERT)


async def read(stage: AlertsStage) -> str | None:
    return await stage.port.read_silence(look(stage.target))


async def test_an_alert_nobody_silenced_is_not_silenced(stage: AlertsStage) -> None:
    await stage.fire()
    assert await read(stage) is None


async def test_a_silence_is_told_with_its_author_and_reason(stage: AlertsStage) -> None:
    await stage.fire()
    await stage.silence("ada", "migration of the orders table")
    told = await read(stage)
    assert told
    assert "ada" in told
    assert "migration of the orders table" in told


async def test_a_silence_that_ended_is_none(stage: AlertsStage) -> None:
    await stage.fire()
    await stage.silence("ada", "migration")
    await stage.end_silence()
    assert await read(stage) is None


async def test_without_the_alert_there_is_nothing_to_silence(real: RealAlertsStage) -> None:
    assert await read(real) is None


async def test_one_silenced_instance_is_enough(real: RealAlertsStage) -> None:
    for instance in ("a", "b"):
        await real.post({"alertname": cases.ALERT, "instance": instance, **real.target.matchers})
    assert await read(real) is None
    await real.silence_labels({"instance": "b", **real.target.matchers}, "ada", "only b")
    assert await silenced_soon(real)


async def silenced_soon(stage: RealAlertsStage) -> str | None:
    """Alertmanager marks an alert as silenced when it next comes by it, or is asked for it."""
    for _ in range(100):
        if told := await read(stage):
            return told
    return None


async def test_silences_of_others_are_none_of_ours(real: RealAlertsStage) -> None:
    await real.fire()
    other = {"alertname": cases.ALERT, "service": f"{real.target.name}-other"}
    await real.post(other)
    await real.post({"alertname": "Else", **real.target.matchers})
    await real.silence_labels(other, "ada", "another service")
    await real.silence_labels({"alertname": "Else"}, "ada", "another alert")
    assert await read(real) is None


@pytest.mark.parametrize("value", NASTY)
async def test_nasty_matchers_find_their_own_alert_only(
    server: alertmanager.Alertmanager, client: httpx.AsyncClient, value: str
) -> None:
    service = f"nasty-{next(_number)}"
    stage = RealAlertsStage(server, client, cases.target(matchers={"service": service, "team": value}))
    await stage.post({"alertname": cases.ALERT, "service": service, "team": "other"})
    await stage.silence_labels({"service": service, "team": "other"}, "eve", "not ours")
    await stage.fire()
    assert await read(stage) is None
    await stage.silence("ada", "ours")
    assert "ours" in (await read(stage) or "")


async def test_name_and_comment_are_cut_cleaned_and_kept_in_their_quotes(real: RealAlertsStage) -> None:
    await real.fire()
    await real.silence('ada" and everybody', "first\nsecond \x1b[31mred\u202e " + "x" * 5000)
    told = await read(real)
    assert told
    assert told.isprintable()
    assert len(told) < 350
    assert 'silenced by "ada\' and everybody" until 20' in told
    assert 'UTC: "first second [31mred xxx' in told


async def test_a_silence_that_cannot_be_read_still_is_one(client: httpx.AsyncClient) -> None:
    target = cases.target()
    labels = {"alertname": cases.ALERT, **target.matchers}
    alerts = json.dumps([{"labels": labels, "status": {"silencedBy": ["../../x"]}}]).encode()
    async with canned(page(alerts), page(b"{}", "404 Not Found")) as server:
        told = await AlertmanagerAlerts(client, server.url).read_silence(look(target))
    assert told
    assert told.startswith("silenced; by whom is not known")
    async with canned(page(alerts), page(b'{"createdBy": 5}')) as server:
        told = await AlertmanagerAlerts(client, server.url).read_silence(look(target))
    assert told
    assert told.startswith("silenced; by whom is not known")


async def test_an_alert_that_was_not_asked_for_is_left_out(client: httpx.AsyncClient) -> None:
    """Whatever a server makes of the filter, labels are compared here too."""
    status = {"silencedBy": ["1"]}
    alerts = [{"labels": {"alertname": cases.ALERT, "service": "billing"}, "status": status}]
    async with canned(page(json.dumps(alerts).encode())) as server:
        assert await AlertmanagerAlerts(client, server.url).read_silence(look(cases.target())) is None


async def test_without_an_alertmanager_nobody_silences() -> None:
    assert await NoAlertmanager().read_silence(look(cases.target())) is None
