"""Alerts that somebody with a token delivers, beside silences that are not for the target."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from activities.alertmanager import AlertmanagerAlerts
from activities.silences import fingerprint
from tests.fakes import cases
from tests.ports.canned_server import canned, page
from worker.delivery import ReceivedAlert
from worker.routing import bounded
from workflows.identities import Identities
from workflows.ports.requests import Look

NOW = datetime.now(UTC)
TARGET = cases.target()
OURS = {"alertname": cases.ALERT, **TARGET.matchers}
OF_WEB_1 = {**OURS, "instance": "web-1"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


def look(*delivered: tuple[Mapping[str, str], str]) -> Look:
    """As an incident asks that heard of these alerts, by labels and fingerprint."""
    alerts = [
        bounded(
            ReceivedAlert.model_validate(
                {"status": "firing", "labels": labels, "startsAt": NOW, "fingerprint": said}
            ),
            NOW,
        )
        for labels, said in delivered
    ]
    identities = Identities(alerts[0])
    for alert in alerts[1:]:
        identities.add(alert)
    return Look(target=TARGET, policy=cases.policy(), alert_name=cases.ALERT, alerts=identities.known)


def silence(**asked: str) -> dict[str, Any]:
    """One that is active, for whatever has these labels."""
    return {
        "createdBy": "ada",
        "comment": "a disk is exchanged",
        "endsAt": (NOW + timedelta(hours=1)).isoformat(),
        "status": {"state": "active"},
        "matchers": [{"name": name, "value": value, "isRegex": False} for name, value in asked.items()],
    }


async def read(client: httpx.AsyncClient, asked: Look, silences: Iterable[dict[str, Any]]) -> str | None:
    """What is read of an Alertmanager that lists no alert and keeps these silences."""
    async with canned(page(b"[]"), page(json.dumps(list(silences)).encode())) as server:
        return await AlertmanagerAlerts(client, server.url).read_silence(asked)


@pytest.mark.parametrize("said", ["0", "f00d", fingerprint({}), fingerprint(OURS)])
async def test_whatever_fingerprint_an_alert_comes_with_a_silence_of_another_host_is_not_for_it(
    client: httpx.AsyncClient, said: str
) -> None:
    assert await read(client, look((OURS, said)), [silence(instance="db-7:9100")]) is None
    assert await read(client, look((OF_WEB_1, said)), [silence(instance="db-7:9100")]) is None


async def test_labels_that_were_cut_are_in_doubt_whosever_they_are(client: httpx.AsyncClient) -> None:
    cut = {**OURS, "team": "x" * 2_000}
    for said in (fingerprint(cut), "0"):
        told = await read(client, look((cut, said)), [silence(instance="db-7:9100")])
        assert told
        assert "it may be for another alert, which cannot be told by its instance" in told


async def test_one_that_fits_a_silence_is_silenced_with_a_fingerprint_that_is_made_up(
    client: httpx.AsyncClient,
) -> None:
    told = await read(client, look((OF_WEB_1, "0")), [silence(instance="web-1")])
    assert told
    assert "it may be" not in told


async def test_none_stands_in_the_place_of_the_alert_whose_fingerprint_it_bears(
    client: httpx.AsyncClient,
) -> None:
    """Else whoever came first could hide that the true one is silenced."""
    true = fingerprint(OF_WEB_1)
    told = await read(client, look((OURS, true), (OF_WEB_1, true)), [silence(instance="web-1")])
    assert told
    assert "it may be" not in told
