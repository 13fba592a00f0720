"""Whether a pool stays free: one that goes back and forth is free for moments, too."""

from datetime import timedelta

from workflows.models.base import Moment


class Calm:
    """From the first of the looks in a row that found it free."""

    def __init__(self, needed: timedelta) -> None:
        self._needed = needed
        self._since: Moment | None = None

    def lasts(self, is_free: bool | None, now: Moment) -> bool:
        """After one more look: whether it has been free for as long as is needed."""
        self._since = (self._since or now) if is_free else None
        return self._since is not None and now - self._since >= self._needed
