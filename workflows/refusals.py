"""How often in a row an act was not permitted, and whether people are needed for it."""

from datetime import timedelta

from workflows.models.base import Moment

_LONGEST_DOUBLING = 5


class Refusals:
    """What was seen may have changed, or the refusal ends by itself: no matter for people yet."""

    def __init__(self, settle: timedelta) -> None:
        self._settle = settle
        self._refused = 0
        self._waited = 0
        self._deadline: Moment | None = None

    def patience(self, until: Moment | None, now: Moment) -> timedelta | None:
        """How long to wait for the next look; None where people are needed.

        `until` is when the refusal ends by itself. It is waited for once: whoever is refused beyond that is
        refused like everybody.
        """
        if until is not None:
            self._deadline = self._deadline or until
            if now < self._deadline:
                self._waited += 1
                doubled: timedelta = self._settle * 2 ** min(self._waited, _LONGEST_DOUBLING)
                return min(self._deadline - now, doubled)
        self._refused += 1
        return self._settle if self._refused == 1 else None

    def forget(self) -> None:
        """An act was permitted."""
        self._refused = self._waited = 0
        self._deadline = None
