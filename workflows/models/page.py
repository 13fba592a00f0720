"""Pages: messages to people, per level, delivered by the first route that works."""

from enum import StrEnum

from workflows.models.base import Model, Moment
from workflows.models.text import Sentence


class Level(StrEnum):
    """The runbook's escalation levels: on-call engineer, database team, engineering lead."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"


class Page(Model):
    """What happened, what it means, what to do; `key` makes a repeated delivery recognisable."""

    key: str
    level: Level
    target: str
    routes: tuple[str, ...]
    title: Sentence
    body: str
    links: dict[str, str] = {}
    is_good_news: bool = False
    """Nothing has to be done now: services that colour their messages do not show it as a warning."""


class Delivery(Model):
    """Which route took the page; the ones before it failed, with the reason."""

    route: str
    failed: dict[str, str] = {}


class Escalation(Model):
    """One page to a level, delivered once per reason."""

    level: Level
    reason: Sentence
    at: Moment
    delivered_by: str | None = None
    failure: Sentence | None = None
