"""The port Alerts: its contract on the fake and on a real Alertmanager, and what the real one can twist."""

import itertools
from collections.abc import AsyncIterator

import httpx
import pytest

from activities.silences import fingerprint
from deploy.local import alertmanager
from deploy.local.state import State
from tests.fakes import cases
from tests.fakes.quiet import Asked
from tests.ports.alerts_stage import AlertsStage, FakeAlertsStage, RealAlertsStage
from workflows.models.alert import AlertIdentity
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
    return await stage.port.read_silence(stage.look())


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


async def test_a_silence_holds_though_alertmanager_was_restarted_and_knows_the_alert_no_more(
    stage: AlertsStage,
) -> None:
    await stage.fire()
    await stage.silence("ada", "migration of the orders table")
    await stage.restart()
    told = await read(stage)
    assert told
    assert "ada" in told
    assert "migration of the orders table" in told
    await stage.end_silence()
    assert await read(stage) is None


OURS = Asked("service", "orders.*", is_regex=True)
"""The stages' targets are orders, orders-1, orders-2 and so on."""


@pytest.mark.parametrize(
    ("asked", "is_silenced"),
    [
        ((OURS,), True),
        ((OURS, Asked("instance", "web-1")), True),
        ((OURS, Asked("instance", "web-2")), False),
        ((OURS, Asked("instance", "web-2", is_equal=False)), True),
        ((OURS, Asked("instance", "web-1", is_equal=False)), False),
        ((OURS, Asked("instance", "web-[12]|api-.+", is_regex=True)), True),
        ((OURS, Asked("instance", "(web|api)-\\d{1,2}", is_regex=True)), True),
        ((OURS, Asked("instance", "eb-1", is_regex=True)), False),
        ((OURS, Asked("instance", "web-", is_regex=True)), False),
        ((OURS, Asked("instance", "^web-1$|", is_regex=True)), True),
        ((OURS, Asked("instance", "WEB-1", is_regex=True)), False),
        ((OURS, Asked("instance", "web-[^1]", is_regex=True)), False),
        ((OURS, Asked("instance", "web-.*", is_regex=True, is_equal=False)), False),
        ((OURS, Asked("instance", "api-.*", is_regex=True, is_equal=False)), True),
        ((OURS, Asked("team", "", is_equal=False)), False),
        ((OURS, Asked("team", "x*", is_regex=True)), True),
        ((OURS, Asked("team", "shop", is_equal=False)), True),
        ((Asked("service", "billing"),), False),
        ((Asked("alertname", "Else"), OURS), False),
    ],
)
async def test_a_silence_is_for_the_alerts_whose_labels_it_asks_for_listed_or_not(
    stage: AlertsStage, asked: tuple[Asked, ...], is_silenced: bool
) -> None:
    await stage.silence_where(*asked)
    assert (await read(stage) is not None) is is_silenced
    await stage.fire()
    assert (await settled(stage, is_silenced) is not None) is is_silenced
    await stage.end_silence()


async def settled(stage: AlertsStage, is_silenced: bool) -> str | None:
    if isinstance(stage, RealAlertsStage) and is_silenced:
        return await silenced_soon(stage)
    return await read(stage)


async def test_without_the_alert_only_a_silence_that_is_for_it_is_one(real: RealAlertsStage) -> None:
    assert await read(real) is None
    assert await real.port.read_silence(real.ask()) is None
    await real.silence_labels({"service": f"{real.target.name}-other"}, "ada", "another service")
    assert await read(real) is None
    assert await real.port.read_silence(real.ask()) is None


async def test_a_silence_that_has_not_begun_is_none(real: RealAlertsStage) -> None:
    await real.silence_later()
    assert await read(real) is None
    await real.fire()
    assert await read(real) is None


async def test_where_the_labels_are_not_all_of_the_alert_s_it_is_silenced_unless_certain(
    real: RealAlertsStage,
) -> None:
    """Cut, cleaned or left out on the way: their fingerprint is not the alert's."""
    cut = AlertIdentity(name=cases.ALERT, fingerprint=fingerprint(real.labels), labels={"instance": "web…"})
    await real.silence_labels({"service": "billing", "instance": "web-2"}, "eve", "another service")
    await real.silence_labels({"alertname": "Else", "instance": "web-2"}, "eve", "another alert")
    for alerts in ((cut,), ()):
        assert await real.port.read_silence(real.ask(*alerts)) is None
    await real.silence_labels({"instance": "web-2", **real.target.matchers}, "ada", "perhaps")
    for alerts in ((cut,), ()):
        told = await real.port.read_silence(real.ask(*alerts))
        assert told
        assert told.startswith('silenced by "ada" until')
        assert told.endswith(
            'UTC: "perhaps"; it may be for another alert, which cannot be told by its instance'
        )
    assert await read(real) is None
    await real.silence_labels(real.target.matchers, "ada", "certainly")
    assert 'UTC: "certainly"' in (await real.port.read_silence(real.ask(cut)) or "")


async def test_an_expression_that_is_too_long_to_be_read_silences(real: RealAlertsStage) -> None:
    unknown = Asked("instance", "a" * 1001, is_regex=True)
    await real.silence_where(Asked("service", f"{real.target.name}-other"), unknown)
    assert await read(real) is None
    await real.silence_where(Asked("service", real.target.name), unknown)
    assert "which cannot be told by its instance" in (await read(real) or "")


@pytest.mark.parametrize(
    ("expression", "is_silenced"),
    [
        ("(?i)WEB-[[:digit:]]", True),
        (r"\pL+\x{2d}1", True),
        ("(?i)API-9", False),
        (r"\x{41}", False),
        ("[[:digit:]]", False),
    ],
)
async def test_an_unusual_expression_means_what_alertmanager_takes_it_for(
    real: RealAlertsStage, expression: str, is_silenced: bool
) -> None:
    await real.silence_where(Asked("service", real.target.name), Asked("instance", expression, is_regex=True))
    told = await read(real)
    assert (told is not None) is is_silenced
    assert "cannot be told" not in (told or "")


async def test_every_alert_of_the_incident_counts_listed_or_not(real: RealAlertsStage) -> None:
    """Two instances' alerts; Prometheus sends one of them no more."""
    other = {**real.labels, "instance": "web-2"}
    alerts = [
        AlertIdentity(name=cases.ALERT, fingerprint=fingerprint(labels), labels=labels)
        for labels in (real.labels, other)
    ]
    await real.fire()
    await real.silence_labels({"instance": "web-2", **real.target.matchers}, "ada", "only web-2")
    assert await read(real) is None
    assert "only web-2" in (await real.port.read_silence(real.ask(*alerts)) or "")


async def test_fingerprints_are_alertmanager_s_own(real: RealAlertsStage) -> None:
    for value in NASTY:
        await real.post({**real.labels, "team": value})
    ours = [alert for alert in await real.listed() if alert["labels"]["service"] == real.target.name]
    assert len(ours) == len(NASTY)
    assert [fingerprint(alert["labels"]) for alert in ours] == [alert["fingerprint"] for alert in ours]


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
