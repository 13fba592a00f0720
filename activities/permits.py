"""Around every act: a permit from its database server's workflow before it, its heartbeat, and its end.

The permit is asked for at the very moment, on any worker. An act that cannot begin soon after it, as where
every thread is busy, is refused. One that is given up in the middle ends in an outcome that says what it
touched.
"""

import asyncio
import contextlib
import time
from datetime import timedelta
from math import ceil
from typing import Any, get_args, override

import structlog
from temporalio import activity
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from activities.beating import Heart, cut_short, given_up
from activities.objections import heed
from workflows.errors import NotPermitted, PreconditionGone
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.models.permit import Ledger, PermitAnswer, PermitRequest, Release
from workflows.models.plan import Resize
from workflows.naming import DATABASE_WORKFLOW, database_id
from workflows.options import LEASE_MARGIN, LONGEST_ACT
from workflows.ports.activities import Alerts
from workflows.ports.requests import ActRequest, ResizeRequest
from workflows.promises import SLACK

_ACTS = get_args(ActRequest.__value__)
_LONGEST_ANSWER, _LONGEST_RELEASE = 3.0, 1.0
"""Seconds, with all tries of the client: an act rests on what was seen before."""
_LATEST = 4.0
"""Seconds after which the server may have given this act up, and let another one begin."""
_BETWEEN_RELEASES = 1.0
_later: set[asyncio.Task[None]] = set()
"""The loop alone would let a task go before it is done."""
_log = structlog.get_logger("poolmedic.permits")


class Permits(Interceptor):
    """For the worker: no act runs without, and none falls silent.

    `client` is the worker's own; `alerts` knows of silences.
    """

    def __init__(self, client: Client, alerts: Alerts) -> None:
        self._client = client
        self._alerts = alerts

    @override
    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Permitted(next, self._client, self._alerts)


class _Permitted(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, client: Client, alerts: Alerts) -> None:
        super().__init__(inner)
        self._client = client
        self._alerts = alerts

    @override
    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        self._heart = Heart(outbound)
        super().init(self._heart)

    @override
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        act = input.args[0] if input.args else None
        if not isinstance(act, _ACTS):
            return await super().execute_activity(input)
        request = permit_request(act)
        async with self._heart.beating():
            if act.guard:
                await heed(self._alerts, act.guard)
            await _ask(self._client, request)
            has_changed = True
            try:
                outcome = await self._act(input)
                has_changed = not isinstance(outcome, Outcome) or may_have_changed(outcome)
            except (PreconditionGone, NotPermitted):
                has_changed = False
                raise
            finally:
                await _release(self._client, request, has_changed=has_changed)
            return outcome

    async def _act(self, asked: ExecuteActivityInput) -> object:
        """Raises `NotPermitted`, nothing touched, where it could not begin while its permission counted."""
        try:
            outcome = await super().execute_activity(asked)
        except asyncio.CancelledError:
            outcome = cut_short(self._heart.touched)
        if self._heart.too_late is not None:
            raise NotPermitted(self._heart.too_late)
        return outcome


def may_have_changed(outcome: Outcome) -> bool:
    """False only where the act itself knows that everything is as it was."""
    is_certain = outcome.status in (OutcomeStatus.DONE, OutcomeStatus.NOTHING)
    return not is_certain or any(each.changed for each in outcome.touched)


def permit_request(act: ActRequest) -> PermitRequest:
    """What the ledger has to know of an act; called inside its activity."""
    info, limits = activity.info(), act.limits
    asked = PermitRequest(
        database=act.target.database.name,
        target=act.target.name,
        id=f"{info.workflow_run_id}/{info.activity_id}",
        option=act.act.option,
        lasts=(info.start_to_close_timeout or LONGEST_ACT) + LEASE_MARGIN,
        acts_per_hour=limits.acts_per_hour if limits else None,
        cooldown=limits.cooldown if limits else timedelta(),
        own_cooldown=limits.cooldowns.get(act.act.option, timedelta()) if limits else timedelta(),
    )
    if not isinstance(act, ResizeRequest):
        return asked
    return asked.model_copy(
        update={
            "growth": _growth(act.act, act.target.surge),
            "room": act.room,
            "promised_for": act.act.lasts + SLACK,
        }
    )


def _growth(act: Resize, surge: float) -> int:
    return ceil(surge * sum(max(size - act.baseline.get(name, size), 0) for name, size in act.sizes.items()))


async def _ask(client: Client, request: PermitRequest) -> None:
    """Raises `NotPermitted`, also where there is no answer in time."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(_LONGEST_ANSWER):
            answer = await _answer(client, request)
    except asyncio.CancelledError:
        await _release(client, request, has_changed=False)
        raise NotPermitted(f"{given_up()} before it was permitted") from None
    except Exception as error:  # whatever it is, there is no permit
        await _release(client, request, has_changed=False)  # it may be granted yet
        is_silence = isinstance(error, (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError))
        why = f"no worker answered for {database_id(request.database)} in time" if is_silence else str(error)
        told = f"whether acts on {request.database} are permitted could not be asked: {why}"
        raise NotPermitted(told) from error
    if not answer.is_granted:
        raise NotPermitted(f"paused: {answer.paused}" if answer.paused else str(answer.refusal), answer.until)
    if time.monotonic() - began > _LATEST:
        await _release(client, request, has_changed=False)
        raise NotPermitted(f"acts on {request.database} were permitted too late to be done")


async def _answer(client: Client, request: PermitRequest) -> PermitAnswer:
    handle = client.get_workflow_handle(database_id(request.database))
    try:
        return await _update(handle, request)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    await client.start_workflow(
        DATABASE_WORKFLOW,
        Ledger(),
        id=handle.id,
        task_queue=activity.info().task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"{request.database}: permits for acts",
    )
    return await _update(handle, request)


async def _update(handle: WorkflowHandle[Any, Any], request: PermitRequest) -> PermitAnswer:
    answer: PermitAnswer = await handle.execute_update(
        "permit", request, id=request.id, result_type=PermitAnswer
    )
    return answer


async def _release(client: Client, request: PermitRequest, *, has_changed: bool) -> None:
    """A lease ends by itself, so that nothing depends on this, and no act waits for it for long."""
    over = Release(id=request.id, has_changed=has_changed)
    handle = client.get_workflow_handle(database_id(request.database))
    try:
        async with asyncio.timeout(_LONGEST_RELEASE):
            await _tell(handle, over)
    except (RPCError, TimeoutError) as error:
        _log.warning("a permit is not given back yet", database=request.database, reason=str(error))
        later = asyncio.create_task(_release_later(handle, over, request.lasts))
        _later.add(later)
        later.add_done_callback(_later.discard)


async def _release_later(handle: WorkflowHandle[Any, Any], over: Release, lease: timedelta) -> None:
    """Temporal was gone: what takes this act back, or the server's next one, is not to wait for the lease."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(lease.total_seconds()):
            for _ in range(ceil(lease.total_seconds() / _BETWEEN_RELEASES)):
                if await _is_told(handle, over):
                    return
                await asyncio.sleep(_BETWEEN_RELEASES)


async def _is_told(handle: WorkflowHandle[Any, Any], over: Release) -> bool:
    try:
        await _tell(handle, over)
    except RPCError as error:
        return error.status is RPCStatusCode.NOT_FOUND  # there is no ledger to be told
    return True


async def _tell(handle: WorkflowHandle[Any, Any], over: Release) -> None:
    await handle.signal("release", over)
