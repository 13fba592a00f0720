"""Alertmanager as a source: has somebody silenced the target's alert."""

from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import override
from urllib.parse import quote

import httpx
from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError
from temporalio import activity

from activities.attempt import attempt
from activities.http_source import LIMIT, Answer, HttpSource, Shape, name_of
from activities.promql import LABEL
from workflows.errors import PoolmedicError, SourceNonsense
from workflows.models.text import clean
from workflows.ports.activities import Alerts
from workflows.ports.requests import Look

OK = 200
LONGEST_NAME, LONGEST_COMMENT = 60, 200


class Status(Shape):
    """What holds an alert back: identities of silences."""

    silenced_by: list[str] = Field(alias="silencedBy")


class HeldAlert(Shape):
    """One alert that Alertmanager holds."""

    labels: dict[str, str]
    status: Status


class Silence(Shape):
    """Who wants quiet, until when, and why."""

    by: str = Field(alias="createdBy")
    comment: str
    until: AwareDatetime = Field(alias="endsAt")

    def tell(self) -> str:
        """One sentence. Name and comment are somebody's text: cut, cleaned, and kept inside their quotes."""
        by, why = (
            clean(text, limit).replace('"', "'")
            for text, limit in ((self.by, LONGEST_NAME), (self.comment, LONGEST_COMMENT))
        )
        until = self.until.astimezone(UTC)
        return f'silenced by "{by}" until {until:%Y-%m-%d %H:%M} UTC: "{why}"'


_ALERTS = TypeAdapter(list[HeldAlert], config=ConfigDict(hide_input_in_errors=True))
_SILENCE = TypeAdapter(Silence)


class AlertmanagerAlerts(Alerts):
    """`client` is kept warm by the caller, and carries what Alertmanager asks for as credentials."""

    def __init__(self, client: httpx.AsyncClient, url: str, *, limit: timedelta = LIMIT) -> None:
        self._source = HttpSource(client, name_of("Alertmanager", url), limit)
        self._url = url.rstrip("/")

    @activity.defn
    @override
    async def read_silence(self, look: Look) -> str | None:
        """One silenced alert of the target is enough: whoever silenced it wants hands off.

        Raises SourceUnavailable, SourceRefused or SourceNonsense.
        """
        wanted = look.target.matchers | {"alertname": look.alert_name}
        answer = await self._source.get(f"{self._url}/api/v2/alerts", {"filter": filters(wanted)})
        alerts = self._read(answer, _ALERTS)
        ours = [alert for alert in alerts if wanted.items() <= alert.labels.items()]
        silences = sorted({silence for alert in ours for silence in alert.status.silenced_by})
        return await self._tell(silences[0]) if silences else None

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


def filters(labels: Mapping[str, str]) -> list[str]:
    """Matchers in Alertmanager's own notation, which knows fewer escapes than PromQL's."""
    return [f"{name}={_quote(value)}" for name, value in sorted(labels.items()) if LABEL.fullmatch(name)]


def _quote(value: str) -> str:
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'
