"""What people tell the temporary size of a target's pools, through Temporal."""

from uuid import uuid4

from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError

from worker.errors import AnswerRefused, NoIncident, TemporalUnavailable
from worker.incidents import ANSWERED, unanswered
from worker.same_key import speaking_to
from worker.temporal import is_not_open
from workflows.models.change import Said, Wish
from workflows.naming import temporary_id


async def say(client: Client, target: str, wish: Wish, by: str) -> Said:
    """Keep, extend or end it; raises `AnswerRefused` when that does not count, `NoIncident` without any."""
    id = temporary_id(target)  # noqa: A001
    try:
        speaking = await speaking_to(client, id)
        said: Said = await speaking.get_workflow_handle(id).execute_update(
            "decide", {"wish": wish, "by": by}, id=uuid4().hex, result_type=Said, rpc_timeout=ANSWERED
        )
    except WorkflowUpdateFailedError as error:
        raise AnswerRefused(str(error.cause)) from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        unknown = "no worker answered in time, so it is not known whether it counts; start one, then look at"
        raise TemporalUnavailable(f"{unknown} {id}") from error
    except RPCError as error:
        raise translate(target, error) from error
    if not said.accepted:
        raise AnswerRefused(said.message)
    return said


def translate(target: str, error: RPCError) -> NoIncident | TemporalUnavailable:
    """What it is to whoever said something."""
    if is_not_open(error):
        return NoIncident(f"no pool of {target} has a temporary size, or none any more")
    return unanswered(error)
