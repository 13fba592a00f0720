"""The clocks beside the main flow: timers of the server that nothing in the runbook's code can stop."""

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow

from workflows import patches
from workflows.escalation import CALLS, Clock, breach_reason
from workflows.people import People
from workflows.record import Record
from workflows.waiting import happens

_FIRST_LOOK = 10.0
"""Seconds after its start in which an incident may not have looked yet."""
_LONGEST_WAIT = 2.0
"""For that look: a page is out within three seconds of when it is due, or of a worker's return."""
_AFTER_A_BUG = 30.0
_SHORT_STEP = timedelta(seconds=1)


async def keep_clocks(record: Record, people: People) -> None:
    """Call people whenever a clock runs out, for as long as the incident is open; never raises."""
    timed = set[datetime]()
    while record.closed_at is None:
        try:
            await _keep_next(record, people, timed)
        except Exception as bug:  # noqa: BLE001 - the clocks outlive any fault, their own included
            workflow.logger.exception("the clocks failed")
            record.note(workflow.now(), f"the clocks failed and go on: {bug!r}")
            await workflow.sleep(_AFTER_A_BUG)


async def _keep_next(record: Record, people: People, timed: set[datetime]) -> None:
    clock, due = _next(record)
    if clock is None or due is None:
        await workflow.wait_condition(_moves(record, due))
        return
    seconds = (due - workflow.now()).total_seconds()
    moved, drifted = _moves(record, due), _drifts(due, timed)
    if await happens(lambda: moved() or drifted(), seconds, f"{clock} by {due:%H:%M:%S}"):
        return
    await _await_first_look(clock, due, record)
    if record.due(clock) == due and record.closed_at is None:
        record.breached[clock] = due
        reason = breach_reason(clock, record.episode_at, workflow.now())
        people.call(CALLS[clock], reason, key=f"clock/{clock}/{due}")


async def _await_first_look(clock: Clock, due: datetime, record: Record) -> None:
    """Already past when the alert came: one quick look first, so that nobody is called for what is over."""
    begun = (workflow.now() - record.started_at).total_seconds()
    if begun < _FIRST_LOOK and not record.is_judged:
        longest = patches.wait_in_this_run(_LONGEST_WAIT, _left(due, record))
        await happens(lambda: record.is_judged, longest, f"{clock}: first look before the page")


def _left(due: datetime, record: Record) -> float:
    """Of the longest wait: where several clocks are past, they wait side by side."""
    waited = (workflow.now() - max(due, record.started_at)).total_seconds()
    return max(_LONGEST_WAIT - waited, 0)


def _drifts(due: datetime, timed: set[datetime]) -> Callable[[], bool]:
    """Whether the timer may be late, asked once for each that is due: then it is set anew.

    A server counts from the end of the step that sets a timer. On a busy worker, or where the server itself
    was gone meanwhile, that is seconds after the time that the step had.
    """
    began = workflow.now()

    def drifted() -> bool:
        now = workflow.now()
        if now == began or due in timed:
            return False
        timed.add(due)
        return now - began > _SHORT_STEP and now < due and patches.sets_clocks_anew()

    return drifted


def _next(record: Record) -> tuple[Clock | None, datetime | None]:
    running = [(due, clock) for clock in Clock if (due := record.due(clock)) is not None]
    due, clock = min(running, default=(None, None))
    return clock, due


def _moves(record: Record, due: datetime | None) -> Callable[[], bool]:
    """Stopped, or due sooner; a later time costs no new timer, the running one is looked at when it fires."""

    def moved() -> bool:
        latest = _next(record)[1]
        is_changed = latest is not None if due is None else latest is None or latest < due
        return record.closed_at is not None or is_changed

    return moved
