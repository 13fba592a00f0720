"""How long queries usually take, as an incident's first look at each of them knew it.

While an incident lasts its slow calls come to their end, and the server's statistics count them in: of a
query with few calls what is slow becomes usual within a minute.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from workflows.causes.shapes import FEWEST_CALLS
from workflows.causes.trust import trusted
from workflows.models.evidence import DatabaseReading, Evidence, StatementReading
from workflows.models.policy import Policy
from workflows.models.reading import Known, value_of
from workflows.models.target import Target

_LONGEST = timedelta(hours=1)
"""After that people have it in hand, or it is a recurrence: days later other calls may be usual."""
_MOST = 1000
"""Shapes: a run of many days meets ever new ones."""


class Seen(NamedTuple):
    """A shape as it was at a look."""

    shape: StatementReading
    at: datetime


class Usual:
    """What the looks of one run have shown of queries, by their ids; of one process of one server."""

    def __init__(self) -> None:
        self._seen: dict[int, Seen] = {}
        self._server: datetime | None = None

    def learn(self, evidence: Evidence, before: Evidence | None, target: Target, policy: Policy) -> None:
        """Keep what is seen for the first time in an hour; of a server that is believed, and of no other."""
        database = value_of(trusted(evidence, before, target, policy))
        if database is None:
            return
        if database.server.started_at != self._server:
            self._server, self._seen = database.server.started_at, {}
        self._forget(evidence.at)
        for shape in value_of(database.statements) or ():
            if shape.calls >= FEWEST_CALLS and len(self._seen) < _MOST:
                self._seen.setdefault(shape.query_id, Seen(shape, evidence.at))

    def _forget(self, now: datetime) -> None:
        self._seen = {each: seen for each, seen in self._seen.items() if now - seen.at <= _LONGEST}

    def as_first_seen(self, evidence: Evidence) -> Evidence:
        """The same look, with the times of each query as they were at its first."""
        if not isinstance(evidence.database, Known):
            return evidence
        reading = evidence.database.value
        if reading.server.started_at != self._server:
            return evidence
        database = evidence.database.model_copy(update={"value": self._replace(reading, evidence.at)})
        return evidence.model_copy(update={"database": database})

    def _replace(self, reading: DatabaseReading, now: datetime) -> DatabaseReading:
        if not isinstance(reading.statements, Known):
            return reading
        shapes = tuple(self._first(shape, now) for shape in reading.statements.value)
        statements = reading.statements.model_copy(update={"value": shapes})
        return reading.model_copy(update={"statements": statements})

    def _first(self, shape: StatementReading, now: datetime) -> StatementReading:
        seen = self._seen.get(shape.query_id)
        if seen is None or now - seen.at > _LONGEST:
            return shape
        return seen.shape.model_copy(update={"active_now": shape.active_now})
