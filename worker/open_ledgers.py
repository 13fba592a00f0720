"""Which ledgers are asked for permits, whatever the configuration file says by now.

An incident and a temporary pool size keep their target as it was when they began, and so ask the ledger of a
`database.name` that the file may have changed since.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError

from worker.temporal import is_not_open
from workflows.attributes import DATABASE
from workflows.naming import (
    DATABASE_WORKFLOW,
    TEMPORARY_WORKFLOW,
    WORKFLOW,
    database_of,
    is_of_target,
    temporary_id,
    workflow_id,
)

QUICK = timedelta(seconds=5)
_AT_ONCE = 32
"""Questions to Temporal at a time, so that hundreds of targets do not meet its limit of requests."""
PATIENCE = 10.0
"""Seconds for all of them: what was found by then must not wait for the rest to be told to stop."""
_OPEN = (
    f"WorkflowType IN ('{DATABASE_WORKFLOW}', '{WORKFLOW}', '{TEMPORARY_WORKFLOW}') "
    "AND ExecutionStatus = 'Running'"
)


@dataclass(frozen=True)
class Ledgers:
    """Names of databases, as the workflows that give permits have them."""

    names: frozenset[str] = frozenset()
    unseen: tuple[str, ...] = ()
    """What could not be looked at and why, so that names may be missing."""


async def open_ledgers(client: Client) -> Ledgers:
    """Every one that is open, and every one that an open incident or temporary size is going to ask.

    Temporal's list lags a moment behind: of what began in the last second it may know nothing yet.
    `ledgers_of` closes that gap for the targets that it is given.
    """
    names, unseen = set[str](), list[str]()
    try:
        async for run in client.list_workflows(_OPEN, rpc_timeout=QUICK):
            if name := _name(run):
                names.add(name)
            elif is_of_target(run.id):
                unseen.append(_nameless(run))
    except RPCError as error:
        unseen.append(f"Temporal does not list what is open ({_first_line(error)})")
    return Ledgers(frozenset(names), tuple(unseen))


async def ledgers_of(client: Client, targets: Iterable[str]) -> Ledgers:
    """Those that the open incidents and temporary sizes of these targets ask; this does not lag behind."""
    ids = [id_of(target) for target in targets for id_of in (workflow_id, temporary_id)]
    places, latest = asyncio.Semaphore(_AT_ONCE), asyncio.get_running_loop().time() + PATIENCE
    return together(await asyncio.gather(*(_asked_by(client, each, places, latest) for each in ids)))


def together(found: Iterable[Ledgers]) -> Ledgers:
    """All of them as one."""
    every = tuple(found)
    unseen = dict.fromkeys(each for one in every for each in one.unseen)
    return Ledgers(frozenset().union(*(one.names for one in every)), tuple(unseen))


async def _asked_by(client: Client, id: str, places: asyncio.Semaphore, latest: float) -> Ledgers:  # noqa: A002
    try:
        async with asyncio.timeout_at(latest), places:
            run = await client.get_workflow_handle(id).describe(rpc_timeout=QUICK)
    except TimeoutError:
        return Ledgers(unseen=(f"{id} (no answer in time)",))
    except RPCError as error:
        return Ledgers() if is_not_open(error) else Ledgers(unseen=(f"{id} ({_first_line(error)})",))
    if run.status is not WorkflowExecutionStatus.RUNNING:
        return Ledgers()
    name = _name(run)
    return Ledgers(frozenset({name})) if name else Ledgers(unseen=(_nameless(run),))


def _name(run: WorkflowExecution) -> str | None:
    if run.workflow_type == DATABASE_WORKFLOW:
        return database_of(run.id)
    return run.typed_search_attributes.get(DATABASE)


def _nameless(run: WorkflowExecution) -> str:
    return f"{run.id} was started without {DATABASE.name}, so that its database is not known"


def _first_line(error: RPCError) -> str:
    return error.message.splitlines()[0] if error.message else error.status.name.lower()
