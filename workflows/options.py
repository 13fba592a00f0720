"""One complete set of timeouts and retries per kind of effect."""

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityConfig

from workflows.markdown import caption

_ANSWER = timedelta(seconds=10)
_WITH_RETRY = timedelta(seconds=25)

READ = ActivityConfig(
    start_to_close_timeout=_ANSWER,
    schedule_to_close_timeout=_WITH_RETRY,
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=300), maximum_attempts=2),
)
"""Harmless to repeat; short, because people wait for what it says."""

LONGEST_ACT, LEASE_MARGIN = timedelta(minutes=4), timedelta(seconds=10)
LEASE = LONGEST_ACT + LEASE_MARGIN
"""Of an act's permit. One whose answer was lost may be under way for as long, and no longer."""

ACT = ActivityConfig(
    # An act that waited long for a worker would rest on old evidence: it is not delivered any more.
    schedule_to_start_timeout=timedelta(seconds=30),
    start_to_close_timeout=LONGEST_ACT,
    heartbeat_timeout=timedelta(seconds=5),
    retry_policy=RetryPolicy(maximum_attempts=1),
)
"""Changes a production system: one attempt; a lost one is looked at, not repeated."""

_BESIDE_THE_WORK = timedelta(minutes=12)
"""Of a long act: to look before it, and to clear up after it, which may have to wait for others as well."""


def lasting(limit: timedelta) -> ActivityConfig:
    """`ACT` for one whose work alone may take so long."""
    return {**ACT, "start_to_close_timeout": limit + _BESIDE_THE_WORK}


NOTIFY = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=45),
    schedule_to_close_timeout=timedelta(hours=1),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(seconds=30)
    ),
)
"""A page is tried until somebody is reached."""

STORE = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=30),
    schedule_to_close_timeout=timedelta(minutes=10),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)),
)
"""Writing the same report twice gives the same report."""


def after(wait: timedelta) -> ActivityConfig:
    """`READ` for an activity that is told to wait so long first."""
    return {
        **READ,
        "start_to_close_timeout": _ANSWER + wait,
        "schedule_to_close_timeout": _WITH_RETRY + 2 * wait,
    }


def summed(config: ActivityConfig, summary: str) -> ActivityConfig:
    """The same options with the line that the Temporal UI shows; the text may be anybody's."""
    return {**config, "summary": caption(summary)}
