"""How much of a look's time is left for what can be done without."""

import time
from collections.abc import Awaitable, Callable

from workflows.models.reading import Known, Unavailable


class Patience:
    """Runs from when it is made: what comes late is not asked for, and costs nothing of what was read."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    async def ask[T](
        self, what: str, within: float, read: Callable[[], Awaitable[Known[T] | Unavailable]]
    ) -> Known[T] | Unavailable:
        """Its answer; or that it was not asked, more than `within` seconds after the beginning."""
        late = self.late(within)
        return Unavailable(reason=f"{what}: {late}") if late else await read()

    def late(self, within: float) -> str | None:
        """Why nothing more is asked, more than `within` seconds after the beginning."""
        taken = time.monotonic() - self._began
        return (
            None if taken <= within else f"not asked, the server had taken {taken:.1f} s for the rest already"
        )
