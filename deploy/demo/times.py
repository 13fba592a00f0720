"""The times that a run depends on: as the runbook has them, and as the demo shortens them, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from pydantic import BaseModel, Field, TypeAdapter

from deploy.local.stack import AlertTimes
from workflows.models.base import Duration

_DURATION: TypeAdapter[timedelta] = TypeAdapter(Duration)


class Times(BaseModel, frozen=True):
    """Durations as configuration files write them. The defaults are the runbook's own, or production's."""

    scrape_interval: str = Field(default="15s", description="Prometheus reads the metrics every")
    exhausted_for: str = Field(default="15s", description="the pool is exhausted for, before the alert fires")
    resend: str = Field(default="1m", description="Prometheus repeats a firing alert every")
    gathered: str = Field(default="0s", description="Alertmanager collects a new group for")
    grouped: str = Field(default="30s", description="Alertmanager collects news of an open group for")
    leak_age: str = Field(default="5m", description="idle in transaction for, before a session is leaked")
    idle_leak_age: str = Field(default="1m", description="plain idle for, before a connection is forgotten")
    full_for: str = Field(default="5m", description="full at usual traffic for, before a pool is too small")
    acknowledge: str = Field(default="5m", description="nobody takes it for, before others are called")
    resolve: str = Field(default="15m", description="it is not resolved for, before others are called")
    leadership: str = Field(default="30m", description="it is not resolved for, before the lead is called")
    settle: str = Field(default="2s", description="wait between an act and the look whether it helped")
    clear_window: str = Field(default="5m", description="clear window before anything is called recovered")
    clear_step: str = Field(default="15s", description="step between its readings")
    relook: str = Field(default="2m", description="next look while people are at work")
    watch: tuple[str, ...] = Field(default=("15m", "30m"), description="looks after recovery")
    resize_for: str = Field(default="4h", description="a temporary pool size is reverted after")

    @property
    def alerting(self) -> AlertTimes:
        """What of it concerns Prometheus and Alertmanager."""
        return AlertTimes(
            scrape_interval=self.scrape_interval,
            scrape_timeout=min(self.scrape_interval, "10s", key=seconds),
            waits={"DatabaseConnectionPoolExhausted": self.exhausted_for},
            resend_delay=self.resend,
            poolmedic_group_wait=self.gathered,
            poolmedic_group_interval=self.grouped,
        )


RUNBOOK = Times()
COMPRESSED = Times(
    scrape_interval="1s",
    # What is wrong is to be old enough when the alert comes, so the rule waits longer than any age below.
    exhausted_for="5s",
    resend="5s",
    grouped="2s",
    leak_age="3s",
    idle_leak_age="3s",
    full_for="3s",
    clear_window="20s",
    clear_step="2s",
    relook="5s",
    watch=("8s", "24s"),
    resize_for="32s",
)
"""For people who watch: only configuration differs, no line of code."""


class Shortened(NamedTuple):
    """One number that the demo does not take from the runbook."""

    what: str
    runbook: str
    demo: str


def shortened(times: Times) -> Iterator[Shortened]:
    """Every number that differs from the runbook's."""
    for name, field in Times.model_fields.items():
        theirs, ours = getattr(RUNBOOK, name), getattr(times, name)
        if theirs != ours:
            yield Shortened(field.description or name, _spelled(theirs), _spelled(ours))


def seconds(text: str) -> float:
    """A duration in seconds; raises pydantic.ValidationError for what is none."""
    return _DURATION.validate_python(text).total_seconds()


def _spelled(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ", ".join(value)
