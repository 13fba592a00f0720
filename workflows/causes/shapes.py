"""The shapes of queries: what sessions run or ran last, and how long that usually takes."""

from collections import Counter
from collections.abc import Sequence
from math import isfinite

from workflows.models.evidence import DatabaseReading, StatementReading
from workflows.models.reading import value_of
from workflows.models.session import Session
from workflows.models.text import clean
from workflows.wording import counted

FEWEST_CALLS = 20
"""Of fewer calls nothing is usual."""
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


def describe_shape(shape: StatementReading) -> str:
    """One shape by its id and its normalised text."""
    return f"query {shape.query_id}, {clean(shape.text, _LONGEST_TEXT)}"


def describe_known(query_id: int, database: DatabaseReading) -> str:
    """One shape by its id, and by its text where that was read."""
    known = {shape.query_id: shape for shape in value_of(database.statements) or ()}
    return describe_shape(known[query_id]) if query_id in known else f"query {query_id}"


def usual_seconds(shape: StatementReading) -> float:
    """The mean of a shape's calls without its slow ones, if each of these took as long as the longest.

    The mean alone would hold the slow calls that have come to their end already. Of calls that take `usual`
    or `longest` the variance is (mean - usual) * (longest - mean); solved for `usual`, it lies between the
    shortest call and the mean, whatever the calls really took.
    """
    mean, longest, deviation = shape.mean_seconds, shape.longest_seconds, shape.deviation_seconds
    if longest is None or deviation is None or not longest > mean:
        return mean
    slow = deviation * deviation / (longest - mean)
    return max(mean - slow, 0.0) if isfinite(slow) else mean


def slow_part(shape: StatementReading) -> float:
    """Which part of its calls these slow ones were."""
    usual, longest = usual_seconds(shape), shape.longest_seconds
    if longest is None or not longest > usual:
        return 0.0
    return (shape.mean_seconds - usual) / (longest - usual)
