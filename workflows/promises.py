"""Telling the workflow of a database server how long a target's enlarged pools need their slots."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from workflows.models.base import Moment
from workflows.models.permit import Promised
from workflows.models.target import Target
from workflows.naming import database_id

SLACK = timedelta(hours=1)
"""A temporary size ends a little after its time: people are asked, and the worker may be down."""
KEPT = timedelta(days=30)
"""A size that a person keeps is in use, and the configuration has to learn of it by then."""


async def promise(target: Target, until: Moment | None) -> None:
    """Keep them until a while after that, or no longer. Unheard, they are free in their time."""
    if not workflow.patched("slots-are-promised"):
        return
    told = Promised(target=target.name, until=until + SLACK if until else None)
    try:
        await workflow.get_external_workflow_handle(database_id(target.database.name)).signal("promise", told)
    except FailureError as failure:
        if is_cancelled_exception(failure):
            raise
        workflow.logger.info("nobody keeps slots of %s", target.database.name)
