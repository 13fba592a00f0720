"""Other targets on the same database server, and what their incidents say of themselves."""

from workflows.models.base import Model, Moment
from workflows.models.diagnosis import Cause
from workflows.models.page import Level
from workflows.models.target import Name, Routes


class Neighbour(Model):
    """A target whose pools connect to the same database server."""

    target: Name
    routes: Routes


class Standing(Model):
    """How an incident stands, told to its neighbours."""

    target: Name
    opened_at: Moment
    cause: Cause | None = None
    """The first of its last diagnosis."""
    called: tuple[Level, ...] = ()
    """Who was reached for that cause, in this episode; a call for another one says nothing of it."""
    is_over: bool = False
    asks: bool = False
    """The neighbour is to tell its own in return."""

    @property
    def seniority(self) -> tuple[Moment, str]:
        """The lowest tells the story of the whole database."""
        return self.opened_at, self.target
