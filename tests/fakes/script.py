"""What goes wrong, or happens, when the workflows call a port: failures, lost answers, hooks."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from workflows.errors import SourceUnavailable

type Hook = Callable[[datetime], Awaitable[None] | None]


@dataclass
class _Fault:
    error: Exception
    left: int | None


class Script:
    """Faults and hooks by method name of the ports; calls are counted from 1."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._failures: dict[str, _Fault] = {}
        self._losses: Counter[str] = Counter()
        self._hangs: Counter[str] = Counter()
        self._before: dict[tuple[str, int], Hook] = {}
        self._after: dict[tuple[str, int], Hook] = {}

    def fail(self, method: str, error: Exception | None = None, times: int | None = None) -> None:
        """Raise instead of doing anything, so many times, or always."""
        self._failures[method] = _Fault(error or SourceUnavailable(f"{method}: connection refused"), times)

    def heal(self, method: str) -> None:
        """It works again."""
        self._failures.pop(method, None)

    def lose(self, method: str, times: int = 1) -> None:
        """Do it, and lose the answer: the caller cannot know."""
        self._losses[method] = times

    def hang(self, method: str, times: int = 1) -> None:
        """Do it, and never answer nor heartbeat again, like a killed worker; asynchronous methods only."""
        self._hangs[method] = times

    def before(self, method: str, nth: int, hook: Hook) -> None:
        """Run `hook` when the method is called for the nth time, before it looks or acts."""
        self._before[method, nth] = hook

    def after(self, method: str, nth: int, hook: Hook) -> None:
        """Run `hook` when the method has looked or acted for the nth time."""
        self._after[method, nth] = hook

    def enter(self, method: str, at: datetime) -> Awaitable[None] | None:
        """Count the call, run its hook, raise its failure."""
        self.calls[method] += 1
        hook = self._before.pop((method, self.calls[method]), None)
        result = hook(at) if hook else None
        if result is None:
            self.raise_failure(method)
        return result

    def raise_failure(self, method: str) -> None:
        """Raise what the script says, if anything."""
        fault = self._failures.get(method)
        if fault is None or fault.left == 0:
            return
        if fault.left is not None:
            fault.left -= 1
        raise fault.error

    def leave(self, method: str, at: datetime) -> Awaitable[None] | None:
        """Run the hook, lose the answer."""
        hook = self._after.pop((method, self.calls[method]), None)
        result = hook(at) if hook else None
        if self._losses[method] > 0:
            self._losses[method] -= 1
            raise SourceUnavailable(f"{method}: the connection broke before the answer came")
        return result

    async def stall(self, method: str) -> None:
        """Never come back, if the script says so."""
        if self._hangs[method] > 0:
            self._hangs[method] -= 1
            await asyncio.Event().wait()
