"""Requests for approval, the answers people give, and the decision that counts."""

import hashlib
from enum import StrEnum
from typing import Annotated

from workflows.models.base import Model, Moment
from workflows.models.text import Name, Sentence, line

PIPELINE = "poolmedic"
"""Who acknowledges and decides when no person does."""
type Reason = Annotated[str, line(300)]


class Channel(StrEnum):
    """How an answer came: only a link is bound to a name, which is claimed otherwise."""

    SIGNAL = "signal"
    UPDATE = "update"
    LINK = "link"


class Request(Model):
    """What a person is asked: the exact effect, the risk, who may decide, until when."""

    id: str
    option: str
    effect: str
    risk: str
    approvers: tuple[str, ...]
    people: int = 1
    """How many of them have to approve; one refusal is enough."""
    requested_at: Moment
    until: Moment

    @property
    def digest(self) -> str:
        """Of what whoever decides was shown: a link made for it holds for nothing else."""
        shown = "\n".join((self.option, self.effect, self.risk))
        return hashlib.sha256(shown.encode()).hexdigest()[:32]


class Answer(Model):
    """Yes or no to one request, by its id."""

    request: Name
    approve: bool
    by: Name
    reason: Reason = ""
    channel: Channel = Channel.UPDATE
    digest: Annotated[str, line(64)] = ""
    """Of the request that the link was made for; empty in answers that came by another way."""


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
    is_final: bool = True
    """False for an approval that counts and waits for another person's."""
    is_late: bool = False
    """The request was decided before this answer came."""
