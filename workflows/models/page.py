"""Pages: messages to people, per level, delivered by the first route that works."""

from enum import StrEnum

from workflows.models.base import Model, Moment
from workflows.models.text import Name, Sentence


class Level(StrEnum):
    """The runbook's escalation levels: on-call engineer, database team, engineering lead."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"


class Asked(Model):
    """The one person whom a page asks for an answer, and what a link in it is good for."""

    by: Name
    request: str
    digest: str
    until: Moment


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
    asked: Asked | None = None
    """None where it is for whoever stands at the routes, and holds nobody's link."""

    @property
    def whom(self) -> str:
        """The person who is asked, else the level."""
        return self.asked.by if self.asked else str(self.level)


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
    person: Name | None = None
    """Whom alone it was for; None where it was for the level."""

    @property
    def whom(self) -> str:
        """The person, else the level."""
        return self.person or str(self.level)
