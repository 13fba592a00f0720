"""How long an incident waits for its next look, and when people are needed instead."""

from datetime import timedelta

from workflows import patches
from workflows.models.plan import LookAgain, Step
from workflows.models.policy import Pace
from workflows.refusals import Refusals

_MOST_SUSPICIONS = 4
_LONGEST = timedelta(minutes=16)
MANY_EVENTS = 10_000
_DOUBLED_EVERY = 2_500


def rest_after(events: int) -> timedelta:
    """How long to rest before the next look, in a run whose history has so many events.

    A server ends a run of 51,200, with all that it knows and without a word: one that nobody answers for
    days looks less and less often instead.
    """
    doubled = (events - MANY_EVENTS) // _DOUBLED_EVERY
    return timedelta(minutes=2 * (2 ** min(doubled, 7) - 1)) if doubled > 0 else timedelta()


class Patience:
    """Of one episode: a recurrence begins with all of it."""

    def __init__(self, pace: Pace) -> None:
        self.refusals = Refusals(pace.settle)
        self._relook = pace.relook
        self._rounds = 0
        self._waits = 0
        self._suspicions = 0

    def of_stand_by(self) -> timedelta:
        """The more fruitless looks, the longer."""
        patience: timedelta = self._relook * 2 ** min(self._rounds, 8)
        self._rounds += 1
        return min(patience, max(self._relook, _LONGEST))

    def follow(self, step: Step) -> None:
        """Count suspicions in a row; what an act takes to end is no suspicion, and dismisses none."""
        if isinstance(step, LookAgain):
            self._waits += 1
            self._suspicions += step.is_suspicion
        else:
            self._suspicions = 0

    @property
    def is_worn(self) -> bool:
        """Whether a suspicion was neither confirmed nor dismissed for too many looks in a row."""
        return patches.is_worn(self._waits > _MOST_SUSPICIONS, self._suspicions > _MOST_SUSPICIONS)
