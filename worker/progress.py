"""What goes on while a command waits, on standard error: a person sees that it has not hung."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator

from rich.console import Console
from rich.status import Status

from worker.terminal import shown
from workflows.wording import listed, span

QUIET = 2.0
"""Seconds that need no word."""
_STEP = 0.5
_BETWEEN_LINES = 10.0


class Progress:
    """On a terminal one line that changes; elsewhere a line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._asked: dict[str, int] = {}
        self._since = 0.0
        self._until = 0.0
        self._told = 0.0

    @contextlib.contextmanager
    def asking(self, source: str) -> Iterator[None]:
        """This source is asked, for the block."""
        if not self._asked:
            self._since = time.monotonic()
        self._asked[source] = self._asked.get(source, 0) + 1
        try:
            yield
        finally:
            self._asked[source] -= 1
            if not self._asked[source]:
                del self._asked[source]

    async def pause(self, seconds: float, why: str) -> None:
        """Wait so long, and say why and until when."""
        self._console.print(shown(why, "yellow"), soft_wrap=not self._console.is_terminal)
        self._console.print(f"Looking again in {span(seconds)}; --once does not wait.")
        self._told = time.monotonic()
        self._until = self._told + seconds
        try:
            await asyncio.sleep(seconds)
        finally:
            self._until = 0.0

    @contextlib.asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """Tell it, for the block."""
        telling = asyncio.create_task(self._tell())
        try:
            yield
        finally:
            telling.cancel()
            await asyncio.wait({telling})

    async def _tell(self) -> None:
        with Status("", console=self._console) as status:
            status.stop()
            while True:
                await asyncio.sleep(_STEP)
                text = self.now()
                if self._console.is_terminal:
                    status.update(text)
                    (status.start if text else status.stop)()
                elif text and time.monotonic() - self._told >= _BETWEEN_LINES:
                    self._told = time.monotonic()
                    self._console.print(text)

    def now(self) -> str:
        """What is waited for; empty where it needs no word yet."""
        now = time.monotonic()
        if self._until:
            return f"looking again in {span(max(self._until - now, 0.0))}"
        if self._asked and now - self._since >= QUIET:
            return f"waiting for {listed(self._asked)} ({span(now - self._since)})"
        return ""
