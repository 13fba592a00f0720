"""Restarts whose answer was lost: an engine goes on with what it was asked, though nobody waits for it."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from workflows.attempts import of_restart
from workflows.models.base import Moment
from workflows.models.evidence import ContainerState
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import Restart

LONGEST_STOP_GRACE = 120
"""Seconds; a container that asks for more to stop is not restarted, so no restart leaves it more."""
_SECONDS_TO_KILL = 10
"""What an engine takes to end a container once its time to stop is over, and to start it again."""


def instances_restarted(attempts: tuple[Attempt, ...]) -> frozenset[str]:
    """Every instance that a restart was tried on, whether or not anything is seen of it now."""
    acts = [attempt.proposal.act for attempt in attempts]
    return frozenset(act.instance for act in acts if isinstance(act, Restart))


def stopping_until(
    attempts: tuple[Attempt, ...], containers: Mapping[str, ContainerState | None], names: Iterable[str]
) -> Moment | None:
    """Until when one of these instances may still be stopping; None where each was answered or started anew.

    `containers` are those that could be read: the others, and one that asks for more, are given the longest.
    """
    ends = [_end(attempts, containers.get(name), name) for name in names]
    return max((each for each in ends if each is not None), default=None)


def _end(attempts: tuple[Attempt, ...], container: ContainerState | None, name: str) -> Moment | None:
    tries = of_restart(attempts, name)
    if not tries or tries[-1].outcome.status is not OutcomeStatus.UNKNOWN:
        return None
    act = tries[-1].proposal.act
    if container is not None and isinstance(act, Restart) and act.started_at != container.started_at:
        return None
    asked = container.stop_grace_seconds if container else LONGEST_STOP_GRACE
    grace = asked if 0 <= asked <= LONGEST_STOP_GRACE else LONGEST_STOP_GRACE
    return tries[-1].at + timedelta(seconds=grace + _SECONDS_TO_KILL)
