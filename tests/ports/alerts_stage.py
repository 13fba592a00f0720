"""Where the contract of the port Alerts is played: silences told to the fake, or made in Alertmanager."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import override

import httpx

from activities.alertmanager import AlertmanagerAlerts
from deploy.local import probes
from deploy.local.alertmanager import Alertmanager
from tests.fakes import cases
from tests.fakes.changes import silence
from tests.fakes.ports import FakeAlerts
from tests.fakes.world import World
from workflows.models.target import Target
from workflows.ports.activities import Alerts

SECONDS_TO_NOTICE = 10.0


class AlertsStage(ABC):
    """An alert of the target, which somebody may silence."""

    port: Alerts
    target: Target

    @abstractmethod
    async def fire(self) -> None:
        """Let the target's alert reach Alertmanager."""

    @abstractmethod
    async def silence(self, by: str, comment: str) -> None:
        """Silence it, and return once that holds."""

    @abstractmethod
    async def end_silence(self) -> None:
        """End that silence, and return once that holds."""


class FakeAlertsStage(AlertsStage):
    """The fake says what it was told."""

    def __init__(self) -> None:
        self.target = cases.target()
        self._world = World(self.target)
        self.port = FakeAlerts(self._world)

    @override
    async def fire(self) -> None:
        """The fake's alert is always there."""

    @override
    async def silence(self, by: str, comment: str) -> None:
        self._world.happens(silence(f'silenced by "{by}": "{comment}"'))

    @override
    async def end_silence(self) -> None:
        self._world.happens(silence(None))


class RealAlertsStage(AlertsStage):
    """A real Alertmanager; each stage has a target name of its own there."""

    def __init__(self, server: Alertmanager, client: httpx.AsyncClient, target: Target) -> None:
        self.target = target
        self.port = AlertmanagerAlerts(client, server.url)
        self._api = f"{server.url}/api/v2"
        self._client = client
        self._silence = ""

    @override
    async def fire(self) -> None:
        await self.post({"alertname": cases.ALERT, **self.target.matchers})

    async def post(self, labels: Mapping[str, str]) -> None:
        """Any alert, as Prometheus would send it."""
        answer = await self._client.post(f"{self._api}/alerts", json=[{"labels": dict(labels)}])
        answer.raise_for_status()

    @override
    async def silence(self, by: str, comment: str) -> None:
        await self.silence_labels({"alertname": cases.ALERT, **self.target.matchers}, by, comment)
        await self._until(suppressed=True)

    async def silence_labels(self, labels: Mapping[str, str], by: str, comment: str) -> None:
        """A silence for exactly these labels."""
        now = datetime.now(UTC)
        equal = {"isRegex": False, "isEqual": True}
        request = {
            "matchers": [{"name": name, "value": value, **equal} for name, value in labels.items()],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": by,
            "comment": comment,
        }
        answer = await self._client.post(f"{self._api}/silences", json=request)
        answer.raise_for_status()
        self._silence = answer.json()["silenceID"]

    @override
    async def end_silence(self) -> None:
        answer = await self._client.delete(f"{self._api}/silence/{self._silence}")
        answer.raise_for_status()
        await self._until(suppressed=False)

    async def _until(self, *, suppressed: bool) -> None:
        """By Alertmanager's own list of all alerts."""

        async def ask() -> str | None:
            alerts = (await self._client.get(f"{self._api}/alerts")).json()
            states = [
                alert["status"]["state"] == "suppressed"
                for alert in alerts
                if self.target.matchers.items() <= alert["labels"].items()
            ]
            return None if states and set(states) == {suppressed} else f"suppressed: {states}"

        assert await probes.until(ask, SECONDS_TO_NOTICE) is None
