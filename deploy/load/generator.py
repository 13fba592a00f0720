"""Open-loop load: requests arrive at a rate, whether or not the earlier ones have been answered.

A closed loop (n users who wait for their answer) slows down together with the application and so hides the
queue that makes a pool's exhaustion what it is.
"""

import asyncio
import random
import time
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from deploy.load.figures import Figures, Journal

LONGEST_RUN = 7_200.0
HIGHEST_RATE = 500.0
ORDERS = 2_000
STATUS = slice(9, 12)
"""Of the first line of an answer: `HTTP/1.1 200 OK`."""


class LoadError(ValueError):
    """A rate or duration beyond this generator's limits. Choose one inside them."""


class Load:
    """Users of the target. `async with Load(url, rate=20, hold_ms=150, seconds=600) as load: …`

    rate: arrivals per second, Poisson-distributed, changeable while running. hold_ms: how long each request
    keeps its connection, changeable too. seconds: the end, whatever happens. in_flight: more than so many
    unanswered requests are not sent but counted as skipped.
    """

    def __init__(
        self,
        base_url: str,
        *,
        rate: float,
        seconds: float,
        hold_ms: int = 0,
        timeout: float = 10.0,
        in_flight: int = 300,
        seed: int = 1,
    ) -> None:
        if not 0 < seconds <= LONGEST_RUN:
            raise LoadError(f"seconds must be in (0, {LONGEST_RUN:g}]")
        self.rate = rate
        self.hold_ms = hold_ms
        self.seconds = seconds
        self.journal = Journal()
        self._started_at = time.monotonic()
        self._ended_at: float | None = None
        self._in_flight = in_flight
        self._random = random.Random(seed)  # noqa: S311  a repeatable stream of arrivals
        self._timeout = timeout
        self._address = urlsplit(base_url)
        self._requests: set[asyncio.Task[None]] = set()
        self._arrivals: asyncio.Task[None] | None = None

    @property
    def rate(self) -> float:
        return self._rate

    @rate.setter
    def rate(self, per_second: float) -> None:
        if not 0 < per_second <= HIGHEST_RATE:
            raise LoadError(f"rate must be in (0, {HIGHEST_RATE:g}] per second")
        self._rate = per_second

    @property
    def is_running(self) -> bool:
        return self._arrivals is not None and not self._arrivals.done()

    def summarize(self, last: float | None = None) -> Figures:
        """Sum up all answers, or those of the last so many seconds."""
        until = self._ended_at or time.monotonic()
        since = self._started_at if last is None else max(self._started_at, until - last)
        return self.journal.summarize(since, until)

    async def wait(self) -> Figures:
        """Wait for the end of the run and its last answers."""
        if self._arrivals is not None:
            await self._arrivals
        await asyncio.gather(*self._requests)
        self._ended_at = time.monotonic()
        return self.summarize()

    async def __aenter__(self) -> Self:
        self._started_at = time.monotonic()
        self._arrivals = asyncio.create_task(self._arrive())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        tasks = [task for task in (self._arrivals, *self._requests) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._ended_at = time.monotonic()

    async def _arrive(self) -> None:
        due = time.monotonic()
        end = due + self.seconds
        while (due := due + self._random.expovariate(self._rate)) < end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if len(self._requests) >= self._in_flight:
                self.journal.skipped += 1
                continue
            task = asyncio.create_task(self._request())
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)

    async def _request(self) -> None:
        path = f"/orders/{self._random.randint(1, ORDERS)}?hold_ms={self.hold_ms}"
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                status = await self._get(path)
        except (OSError, EOFError) as exc:
            status = type(exc).__name__
        self.journal.note(status, time.monotonic() - started)

    async def _get(self, path: str) -> str:
        """The answer's status; a connection of its own for each request, as users come.

        By hand, because a pooling client looks through all open connections at every request: with many
        users who wait it sends far fewer than it is to.
        """
        host, port = self._address.hostname, self._address.port
        reader, writer = await asyncio.open_connection(host, port)
        try:
            head = f"GET {self._address.path}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            answer = await reader.readuntil(b"\r\n")
            await reader.read()
        finally:
            writer.close()
        return answer[STATUS].decode()
