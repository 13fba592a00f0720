"""How long queries usually take, as an incident's first look at each of them knew it.

While an incident lasts its slow calls come to their end, and the server's statistics count them in: of a
query with few calls what is slow becomes usual within a minute.
"""

from workflows.models.evidence import Evidence, StatementReading
from workflows.models.reading import Known, value_of

FEWEST_CALLS = 20
"""Of fewer calls nothing is usual."""
_MOST = 1000
"""Shapes: a run of many days meets ever new ones."""


class Usual:
    """What the looks of one run have shown of queries, by their ids."""

    def __init__(self) -> None:
        self._shapes: dict[int, StatementReading] = {}

    def learn(self, evidence: Evidence) -> None:
        """Keep what is seen for the first time."""
        for shape in _shapes(evidence):
            if shape.calls >= FEWEST_CALLS and len(self._shapes) < _MOST:
                self._shapes.setdefault(shape.query_id, shape)

    def as_first_seen(self, evidence: Evidence) -> Evidence:
        """The same look, with the times of each query as they were at its first."""
        if not isinstance(evidence.database, Known):
            return evidence
        reading = evidence.database.value
        if not isinstance(reading.statements, Known):
            return evidence
        shapes = tuple(self._first(shape) for shape in reading.statements.value)
        statements = reading.statements.model_copy(update={"value": shapes})
        database = reading.model_copy(update={"statements": statements})
        known = evidence.database.model_copy(update={"value": database})
        return evidence.model_copy(update={"database": known})

    def _first(self, shape: StatementReading) -> StatementReading:
        first = self._shapes.get(shape.query_id, shape)
        return first.model_copy(update={"active_now": shape.active_now})


def _shapes(evidence: Evidence) -> tuple[StatementReading, ...]:
    database = value_of(evidence.database)
    return (value_of(database.statements) or ()) if database else ()
