"""Where the contract of the port Alerts is played: silences told to the fake, or made in Alertmanager."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, override

import httpx

from activities.alertmanager import AlertmanagerAlerts
from activities.silences import fingerprint
from deploy.local import probes
from deploy.local.alertmanager import Alertmanager, start
from tests.fakes import cases
from tests.fakes.changes import quiet, silence
from tests.fakes.ports import FakeAlerts
from tests.fakes.quiet import Asked, Quiet
from tests.fakes.world import World
from workflows.models.alert import AlertIdentity
from workflows.models.target import Target
from workflows.ports.activities import Alerts
from workflows.ports.requests import Look

SECONDS_TO_NOTICE = 10.0


class AlertsStage(ABC):
    """An alert of the target, which somebody may silence."""

    port: Alerts
    target: Target

    @property
    def labels(self) -> dict[str, str]:
        """All that the alert has."""
        return {"alertname": cases.ALERT, "instance": "web-1", "severity": "critical", **self.target.matchers}

    def look(self) -> Look:
        """As an incident of this alert asks."""
        alert = AlertIdentity(name=cases.ALERT, fingerprint=fingerprint(self.labels), labels=self.labels)
        return self.ask(alert)

    def ask(self, *alerts: AlertIdentity) -> Look:
        """As an incident of these alerts asks; without any, as nobody's."""
        return Look(target=self.target, policy=cases.policy(), alert_name=cases.ALERT, alerts=alerts)

    @abstractmethod
    async def fire(self) -> None:
        """Let the target's alert reach Alertmanager."""

    @abstractmethod
    async def restart(self) -> None:
        """Restart Alertmanager: it keeps silences and forgets alerts."""

    @abstractmethod
    async def silence(self, by: str, comment: str) -> None:
        """Silence it, and return once that holds."""

    @abstractmethod
    async def silence_where(self, *asked: Asked) -> None:
        """Ada silences whatever has such labels."""

    @abstractmethod
    async def end_silence(self) -> None:
        """End the last silence, and return once that holds."""


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
    async def restart(self) -> None:
        """The fake forgets nothing, and what it keeps is for an alert that is not there as well."""

    @override
    async def silence(self, by: str, comment: str) -> None:
        self._world.happens(silence(f'silenced by "{by}": "{comment}"'))

    @override
    async def silence_where(self, *asked: Asked) -> None:
        self._world.happens(quiet(Quiet('silenced by "ada"', asked)))

    @override
    async def end_silence(self) -> None:
        self._world.happens(silence(None))
        self._world.happens(quiet())


class RealAlertsStage(AlertsStage):
    """A real Alertmanager; each stage has a target name of its own there."""

    def __init__(self, server: Alertmanager, client: httpx.AsyncClient, target: Target) -> None:
        self.target = target
        self.port = AlertmanagerAlerts(client, server.url)
        self._server = server
        self._api = f"{server.url}/api/v2"
        self._client = client
        self._silence = ""

    @override
    async def fire(self) -> None:
        await self.post(self.labels)

    @override
    async def restart(self) -> None:
        await self._server.process.stop()
        await start(self._server)
        assert await self.listed() == []

    async def listed(self) -> list[dict[str, Any]]:
        """Every alert that Alertmanager lists."""
        alerts: list[dict[str, Any]] = (await self._client.get(f"{self._api}/alerts")).json()
        return alerts

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
        await self._silence_where([Asked(name, value) for name, value in labels.items()], by, comment)

    @override
    async def silence_where(self, *asked: Asked) -> None:
        await self._silence_where(asked, "ada", "migration")

    async def silence_later(self) -> None:
        """A silence that begins in half an hour."""
        asked = [Asked(name, value) for name, value in self.target.matchers.items()]
        await self._silence_where(asked, "ada", "tonight", timedelta(minutes=30))

    async def _silence_where(
        self, asked: Iterable[Asked], by: str, comment: str, begins: timedelta = timedelta()
    ) -> None:
        now = datetime.now(UTC)
        request = {
            "matchers": [
                {
                    "name": each.name,
                    "value": each.value,
                    "isRegex": each.is_regex,
                    "isEqual": each.is_equal,
                }
                for each in asked
            ],
            "startsAt": (now + begins).isoformat(),
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
            alerts = await self.listed()
            states = [
                alert["status"]["state"] == "suppressed"
                for alert in alerts
                if self.target.matchers.items() <= alert["labels"].items()
            ]
            is_so = set(states) == {suppressed} if states else not suppressed
            return None if is_so else f"suppressed: {states}"

        assert await probes.until(ask, SECONDS_TO_NOTICE) is None
