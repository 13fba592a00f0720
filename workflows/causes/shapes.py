"""Where to look in the application: what the sessions in question ran last."""

from collections import Counter
from collections.abc import Sequence

from workflows.models.evidence import DatabaseReading
from workflows.models.reading import value_of
from workflows.models.session import Session
from workflows.models.text import clean
from workflows.wording import counted

_MOST_SHAPES = 2
_LONGEST_TEXT = 300


def describe_shapes(sessions: Sequence[Session], database: DatabaseReading) -> list[str]:
    """The most frequent query shapes, normalised; a shape whose text was not read by its id alone."""
    known = Counter(session.query_id for session in sessions if session.query_id is not None)
    texts = {shape.query_id: shape.text for shape in value_of(database.statements) or ()}
    return [
        f"{counted(number, 'session')} ran last: query {query_id}"
        f"{f', {clean(texts[query_id], _LONGEST_TEXT)}' if query_id in texts else ''}."
        for query_id, number in known.most_common(_MOST_SHAPES)
    ]
