"""A reading is a value with its time, or unavailable with the reason; never a zero in its place."""

from typing import Annotated, Literal

from pydantic import Field

from workflows.models.base import Model, Moment
from workflows.models.text import Sentence


class Known[T](Model):
    """What a source said, and when the source measured it (not when it was asked)."""

    kind: Literal["known"] = "known"
    value: T
    at: Moment


class Unavailable(Model):
    """Why there is no value: a sentence for a person, without secrets."""

    kind: Literal["unavailable"] = "unavailable"
    reason: Sentence


type Reading[T] = Annotated[Known[T] | Unavailable, Field(discriminator="kind")]


def value_of[T](reading: Known[T] | Unavailable) -> T | None:
    """The value, or None where there is none: for callers that treat both alike."""
    return reading.value if isinstance(reading, Known) else None
