"""Waiting for something to happen, no longer than a timer of the server allows."""

from collections.abc import Callable

from temporalio import workflow

from workflows.markdown import caption


async def happens(condition: Callable[[], bool], seconds: float, summary: str) -> bool:
    """Whether the condition came true within the time; `summary` is the timer's line in the Temporal UI."""
    if condition():
        return True
    if seconds <= 0:
        return False
    try:
        await workflow.wait_condition(condition, timeout=seconds, timeout_summary=caption(summary))
    except TimeoutError:
        return False
    return True
