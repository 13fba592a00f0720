"""How often the button of each link was pressed: every press is an event in an incident's history."""

import collections

MOST_PRESSES = 20
"""Of one link: the history has an end."""
MOST_LINKS = 10_000
"""That are counted at a time."""


class Presses:
    """Counts in this process alone, and forgets all when there are too many links."""

    def __init__(self) -> None:
        self._counts = collections.Counter[str]()

    def is_one_too_many(self, link: str) -> bool:
        """Counts this press; `link` is what tells one link from another."""
        if len(self._counts) > MOST_LINKS:
            self._counts.clear()
        self._counts[link] += 1
        return self._counts[link] > MOST_PRESSES
