"""What Alertmanager must not be believed, and where there is none."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from activities.alertmanager import AlertmanagerAlerts, NoAlertmanager
from tests.fakes import cases
from tests.ports.canned_server import canned, page
from workflows.models.target import Target
from workflows.ports.requests import Look


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


def look(target: Target) -> Look:
    return Look(target=target, policy=cases.policy(), alert_name=cases.ALERT)


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
    async with canned(page(json.dumps(alerts).encode()), page(b"[]")) as server:
        assert await AlertmanagerAlerts(client, server.url).read_silence(look(cases.target())) is None


async def test_without_an_alertmanager_nobody_silences() -> None:
    assert await NoAlertmanager().read_silence(look(cases.target())) is None
