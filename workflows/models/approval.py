"""Requests for approval, the answers people give, and the decision that counts."""

from enum import StrEnum
from typing import Annotated

from workflows.models.base import Model, Moment
from workflows.models.text import Name, Sentence, line

PIPELINE = "poolmedic"
"""Who acknowledges and decides when no person does."""
type Reason = Annotated[str, line(300)]


class Channel(StrEnum):
    """How an answer came: a signal's name is only claimed."""

    SIGNAL = "signal"
    UPDATE = "update"


class Request(Model):
    """What a person is asked: the exact effect, the risk, who may decide, until when."""

    id: str
    option: str
    effect: str
    risk: str
    approvers: tuple[str, ...]
    requested_at: Moment
    until: Moment


class Answer(Model):
    """Yes or no to one request, by its id."""

    request: Name
    approve: bool
    by: Name
    reason: Reason = ""
    channel: Channel = Channel.UPDATE


class Decision(Model):
    """The answer that won, or why an answer did not count."""

    request: Name
    accepted: bool
    approve: bool
    by: Name
    at: Moment
    message: Sentence
    reason: Reason = ""
    """Why, in the words of the one who answered."""
