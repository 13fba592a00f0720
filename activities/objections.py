"""What somebody may have said since the workflow's guards: a silence, or maintenance that has begun."""

import asyncio

from temporalio import activity

from activities.beating import given_up
from workflows.errors import NotPermitted, PoolmedicError
from workflows.guard import maintenance
from workflows.ports.activities import Alerts
from workflows.ports.requests import Look

_LONGEST = 3.0
"""Seconds: an act rests on what was seen before."""


async def heed(alerts: Alerts, look: Look) -> None:
    """For an act, before anything else of it. Raises `NotPermitted`, also where there is no answer in time.

    Temporal's clock says whether it is time for maintenance, as it does in the workflow.
    """
    if refusal := maintenance(look.policy, activity.info().started_time):
        raise NotPermitted(refusal)
    try:
        async with asyncio.timeout(_LONGEST):
            silence = await alerts.read_silence(look)
    except asyncio.CancelledError:
        raise NotPermitted(f"{given_up()} before it was permitted") from None
    except (PoolmedicError, TimeoutError) as error:
        why = error.message if isinstance(error, PoolmedicError) else f"no answer within {_LONGEST:.0f} s"
        raise NotPermitted(f"whether the alert is silenced could not be read: {why}") from error
    if silence is not None:
        raise NotPermitted(f"the alert is silenced: {silence}")
