"""An order to pause acts or to resume them, brought to everyone it concerns."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from temporalio.client import Client

from worker.databases import Databases, Said
from worker.errors import TemporalUnavailable
from worker.open_ledgers import Ledgers, ledgers_of, open_ledgers, together
from workflows.models.permit import Order

_MOST_TOLD = 5
type Saying = Callable[[Databases, list[str], Order], Awaitable[list[Said]]]


@dataclass(frozen=True)
class Scope:
    """Whom an order concerns by the configuration file: every target, or one."""

    databases: tuple[str, ...]
    targets: tuple[str, ...]
    is_everything: bool


@dataclass(frozen=True)
class Heard:
    """What became of an order."""

    said: tuple[Said, ...] = ()
    beyond: tuple[Said, ...] = ()
    """At databases that the file does not name, or not for this target."""
    missed: tuple[str, ...] = ()
    """Who may not have heard it, a sentence each."""


async def give(client: Client, task_queue: str, say: Saying, scope: Scope, order: Order) -> Heard:
    """To the databases that the file names, and to those that an open incident or temporary size asks.

    With `is_everything` also to every other that is open, as far as Temporal lists it: that lags a moment
    behind. Neither waits for the other, and what goes wrong with one keeps the order from nobody else.
    """
    databases = Databases(client, task_queue)
    told = await asyncio.gather(
        _tell(databases, say, scope.databases, order),
        _tell_beyond(client, databases, say, scope, order),
        return_exceptions=True,
    )
    for each in told:
        if isinstance(each, BaseException):
            raise each
    named, beyond = (each for each in told if isinstance(each, Heard))
    return Heard(named.said, beyond.said, (*named.missed, *beyond.missed))


async def _tell(databases: Databases, say: Saying, names: tuple[str, ...], order: Order) -> Heard:
    try:
        return Heard(tuple(await say(databases, list(names), order)))
    except TemporalUnavailable as error:
        return Heard(missed=(str(error),))


async def _tell_beyond(
    client: Client, databases: Databases, say: Saying, scope: Scope, order: Order
) -> Heard:
    found = await _found(client, scope)
    names = tuple(sorted(found.names - set(scope.databases)))
    heard = await _tell(databases, say, names, order)
    if not found.unseen:
        return heard
    return Heard(heard.said, missed=(*heard.missed, _unseen(found.unseen)))


def _unseen(why: tuple[str, ...]) -> str:
    more = f"; and {len(why) - _MOST_TOLD} more" if len(why) > _MOST_TOLD else ""
    return (
        "what began under a `database.name` that is not said above may not have heard it, because it could "
        f"not be looked for: {'; '.join(why[:_MOST_TOLD])}{more}; say it again"
    )


async def _found(client: Client, scope: Scope) -> Ledgers:
    own = ledgers_of(client, scope.targets)
    return together(await asyncio.gather(own, open_ledgers(client))) if scope.is_everything else await own
