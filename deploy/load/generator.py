"""Open-loop load: requests arrive at a rate, whether or not the earlier ones have been answered.

A closed loop (n users who wait for their answer) slows down together with the application and so hides the
queue that makes a pool's exhaustion what it is.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, urlsplit

from deploy.load.figures import Figures, Journal

LONGEST_RUN = 7_200.0
HIGHEST_RATE = 500.0
ORDERS = 2_000
CUSTOMERS = 97
STATUS = slice(9, 12)
"""Of the first line of an answer: `HTTP/1.1 200 OK`."""


type Visit = Callable[[random.Random, int], tuple[str, str]]
"""Method and path of the next request, by chance and by the milliseconds that it holds its connection."""


def look_at_order(chance: random.Random, hold_ms: int) -> tuple[str, str]:
    """Somebody looks at any order."""
    return "GET", f"/orders/{chance.randint(1, ORDERS)}?hold_ms={hold_ms}"


def look_at_customer(chance: random.Random, _hold_ms: int) -> tuple[str, str]:
    """Somebody looks at any customer."""
    return "GET", f"/customers/{chance.randint(0, CUSTOMERS - 1)}"


def transfer_along(orders: int) -> Visit:
    """Somebody moves a cent from one of the first orders to the one before it."""

    def transfer(chance: random.Random, _hold_ms: int) -> tuple[str, str]:
        destination = chance.randint(1, orders)
        return "POST", f"/transfers/{destination + 1}/{destination}"

    return transfer


class LoadError(ValueError):
    """A rate or duration beyond this generator's limits. Choose one inside them."""


class Load:
    """Users of the target. `async with Load(url, rate=20, hold_ms=150, seconds=600) as load: …`

    base_urls: one per instance, each of which gets its equal part, as behind a balancer. rate: arrivals per
    second, Poisson-distributed, changeable while running. hold_ms: how long each request keeps its
    connection, changeable too. seconds: the end, whatever happens. in_flight: more than so many unanswered
    requests are not sent but counted as skipped; changeable as well.
    """

    def __init__(
        self,
        *base_urls: str,
        rate: float,
        seconds: float,
        hold_ms: int = 0,
        timeout: float = 10.0,
        in_flight: int = 300,
        seed: int = 1,
        visit: Visit = look_at_order,
    ) -> None:
        if not 0 < seconds <= LONGEST_RUN:
            raise LoadError(f"seconds must be in (0, {LONGEST_RUN:g}]")
        self.rate = rate
        self.hold_ms = hold_ms
        self.seconds = seconds
        self.journal = Journal()
        self._started_at = time.monotonic()
        self._ended_at: float | None = None
        self.in_flight = in_flight
        self._visit = visit
        self._random = random.Random(seed)  # noqa: S311  a repeatable stream of arrivals
        self._timeout = timeout
        if not base_urls:
            raise LoadError("at least one address must be given")
        self._addresses = itertools.cycle([urlsplit(each) for each in base_urls])
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
            if len(self._requests) >= self.in_flight:
                self.journal.skipped += 1
                continue
            task = asyncio.create_task(self._request())
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)

    async def _request(self) -> None:
        method, path = self._visit(self._random, self.hold_ms)
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                status = await self._ask(next(self._addresses), method, path)
        except (OSError, EOFError) as exc:
            status = type(exc).__name__
        self.journal.note(status, time.monotonic() - started)

    async def _ask(self, address: SplitResult, method: str, path: str) -> str:
        """The answer's status; a connection of its own for each request, as users come.

        By hand, because a pooling client looks through all open connections at every request: with many
        users who wait it sends far fewer than it is to.
        """
        host, port = address.hostname, address.port
        reader, writer = await asyncio.open_connection(host, port)
        try:
            headers = f"Host: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            writer.write(f"{method} {address.path}{path} HTTP/1.1\r\n{headers}".encode())
            answer = await reader.readuntil(b"\r\n")
            await reader.read()
        finally:
            writer.close()
        return answer[STATUS].decode()
