"""Alertmanager as a source: has somebody silenced the target's alert."""

from collections.abc import Mapping
from datetime import timedelta
from typing import override
from urllib.parse import quote

import httpx
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from temporalio import activity

from activities.attempt import attempt
from activities.http_source import LIMIT, Answer, HttpSource, Shape, name_of
from activities.promql import LABEL
from activities.silences import KeptSilence, Silence, first_for, labels_of
from workflows.errors import PoolmedicError, SourceNonsense
from workflows.models.alert import AlertIdentity
from workflows.ports.activities import Alerts
from workflows.ports.requests import Look

OK = 200


class Status(Shape):
    """What holds an alert back: identities of silences."""

    silenced_by: list[str] = Field(alias="silencedBy")


class HeldAlert(Shape):
    """One alert that Alertmanager holds."""

    fingerprint: str = ""
    labels: dict[str, str]
    status: Status


_ALERTS = TypeAdapter(list[HeldAlert], config=ConfigDict(hide_input_in_errors=True))
_SILENCE = TypeAdapter(Silence)
_SILENCES = TypeAdapter(list[KeptSilence], config=ConfigDict(hide_input_in_errors=True))


class AlertmanagerAlerts(Alerts):
    """`client` is kept warm by the caller, and carries what Alertmanager asks for as credentials."""

    def __init__(self, client: httpx.AsyncClient, url: str, *, limit: timedelta = LIMIT) -> None:
        self._source = HttpSource(client, name_of("Alertmanager", url), limit)
        self._url = url.rstrip("/")

    @activity.defn
    @override
    async def read_silence(self, look: Look) -> str | None:
        """One silenced alert of the target is enough: whoever silenced it wants hands off.

        Of an alert that is listed Alertmanager itself says whether it is silenced; for any other one the
        silences are asked. Raises SourceUnavailable, SourceRefused or SourceNonsense.
        """
        wanted = look.target.matchers | {"alertname": look.alert_name}
        answer = await self._source.get(f"{self._url}/api/v2/alerts", {"filter": filters(wanted)})
        alerts = self._read(answer, _ALERTS)
        ours = [alert for alert in alerts if wanted.items() <= alert.labels.items()]
        silences = sorted({silence for alert in ours for silence in alert.status.silenced_by})
        if silences:
            return await self._tell(silences[0])
        unlisted = _unlisted(look, ours)
        return await self._find(look.target.matchers, unlisted) if unlisted else None

    async def _find(self, certain: Mapping[str, str], alerts: list[AlertIdentity]) -> str | None:
        answer = await self._source.get(f"{self._url}/api/v2/silences")
        silences = self._read(answer, _SILENCES)
        return first_for(silences, [labels_of(alert, certain) for alert in alerts])

    async def _tell(self, silence: str) -> str:
        """That the alert is silenced is certain here; by whom may not be found out."""
        address = f"{self._url}/api/v2/silence/{quote(silence, safe='')}"
        answer = await attempt(self._source.get(address))
        if isinstance(answer, PoolmedicError):
            return f"silenced; by whom is not known: {answer.message}"
        try:
            return self._read(answer, _SILENCE).tell()
        except PoolmedicError as failure:
            return f"silenced; by whom is not known: {failure.message}"

    def _read[T](self, answer: Answer, shape: TypeAdapter[T]) -> T:
        if answer.status != OK:
            raise self._source.refusal(answer)
        try:
            return shape.validate_json(answer.body)
        except ValidationError as exc:
            raise SourceNonsense(f"{self._source.name} answered, but not as Alertmanager does") from exc


class NoAlertmanager(Alerts):
    """For a configuration without one: nobody can silence there."""

    @activity.defn
    @override
    async def read_silence(self, look: Look) -> str | None:
        """Always None."""
        return None


def _unlisted(look: Look, listed: list[HeldAlert]) -> list[AlertIdentity]:
    """The incident's alerts that Alertmanager lists no more; without an incident, the target's if none is."""
    known = {alert.fingerprint for alert in listed} - {""}
    if look.alerts:
        return [alert for alert in look.alerts if alert.fingerprint not in known]
    return [] if listed else [AlertIdentity(name=look.alert_name)]


def filters(labels: Mapping[str, str]) -> list[str]:
    """Matchers in Alertmanager's own notation, which knows fewer escapes than PromQL's."""
    return [f"{name}={_quote(value)}" for name, value in sorted(labels.items()) if LABEL.fullmatch(name)]


def _quote(value: str) -> str:
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'
