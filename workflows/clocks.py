"""The clocks beside the main flow: timers of the server that nothing in the runbook's code can stop."""

from temporalio import workflow

from workflows.escalation import CALLS, Clock, breach_reason
from workflows.people import People
from workflows.record import Record
from workflows.waiting import happens

_FIRST_LOOK = 30.0
_AFTER_A_BUG = 30.0


async def keep(clock: Clock, record: Record, people: People) -> None:
    """Call people when the clock runs out, for as long as the incident is open; never raises."""
    while record.closed_at is None:
        try:
            await _wait_and_call(clock, record, people)
        except Exception as bug:  # noqa: BLE001 - a clock outlives any fault, its own included
            workflow.logger.exception("clock %s failed", clock)
            record.note(workflow.now(), f"the {clock} clock failed and goes on: {bug!r}")
            await workflow.sleep(_AFTER_A_BUG)


async def _wait_and_call(clock: Clock, record: Record, people: People) -> None:
    due = record.due(clock)
    if due is None:
        await workflow.wait_condition(lambda: record.closed_at is not None or record.due(clock) is not None)
        return
    seconds = (due - workflow.now()).total_seconds()
    if await happens(
        lambda: record.closed_at is not None or record.due(clock) != due,
        seconds,
        f"{clock} by {due:%H:%M:%S}",
    ):
        return
    # Already past when the alert came: one quick look first, so that nobody is called for nothing.
    await happens(lambda: record.evidence is not None, _FIRST_LOOK, f"{clock}: first look before the page")
    if record.due(clock) == due and record.closed_at is None:
        record.breached[clock] = due
        reason = breach_reason(clock, record.episode_at, workflow.now())
        people.call(CALLS[clock], reason, key=f"clock/{clock}/{due}")
