"""One restart of one container: only if it is still the very one, and its pool not plainly free by now.

It is not over before the container is healthy again.
"""

import time

from docker.models.containers import Container

from activities.beating import stop_if_given_up
from activities.container_state import describe
from activities.engine import ENGINE_ERRORS, Engine, translate
from activities.instance_pages import InstancePages
from workflows.errors import PoolmedicError, SourceRefused, SourceUnavailable
from workflows.last_look import LastLook, look_once_more
from workflows.lost_restarts import LONGEST_STOP_GRACE
from workflows.models.base import Moment
from workflows.models.evidence import ContainerState
from workflows.models.outcome import Outcome, OutcomeStatus, Touched
from workflows.models.target import Instance
from workflows.ports.requests import RestartRequest

SECONDS_TO_BE_HEALTHY = 60.0
SECONDS_BETWEEN_LOOKS = 0.2


class Restarting:
    """The act and what has become of it so far."""

    def __init__(self, engine: Engine, pages: InstancePages, request: RestartRequest) -> None:
        self._engine = engine
        self._pages = pages
        self._target = request.target
        self._act = request.act
        self._guard = request.guard
        self._touched: tuple[Touched, ...] = ()
        self._unread = ""
        self._restarted_at: Moment | None = None

    def touched(self) -> tuple[Touched, ...]:
        """What the server should know if this process dies now."""
        return self._touched

    def run(self) -> Outcome:
        """Raises what `workflows.errors` has for an engine that is gone, before anything is touched."""
        instance = self._own_instance()
        look = self._look_once_more(instance)
        container = self._engine.container(self._act.container)
        before = describe(container)
        if gone := self._difference(before) or look.free:
            detail = f"{gone}; nothing was touched{self._unread}"
            return Outcome(status=OutcomeStatus.NOTHING, detail=detail)
        grace = _grace(container, before)
        stop_if_given_up()
        self._note(changed=True, result="restart asked for; no answer heard")
        try:
            container.restart(timeout=grace)
            container.reload()
        except ENGINE_ERRORS as exc:
            return self._explain(translate(exc, f"restart of {self._act.container}"))
        return self._await_health(instance, describe(container))

    def _own_instance(self) -> Instance:
        for instance in self._target.instances:
            if (instance.name, instance.container) == (self._act.instance, self._act.container):
                return instance
        raise SourceRefused(
            f"{self._act.container} is no container of {self._target.name}; nothing was touched"
        )

    def _look_once_more(self, instance: Instance) -> LastLook:
        """Before the container, so that nothing lies between its identity and the touch.

        What cannot be read holds nothing up: an application that hangs looks exactly so, and the workflow's
        guards have read it.
        """
        if self._guard is None:
            return LastLook()
        pool = self._pages.usage(self._target, instance)
        look = look_once_more([(instance.name, pool)], self._guard.policy)
        self._unread = f"; before that, {look.unread}" if look.unread else ""
        return look

    def _difference(self, now: ContainerState) -> str | None:
        name, seen = self._act.container, self._act
        if now.id != seen.container_id:
            return f"{name} is another container now"
        if now.started_at != seen.started_at:
            return f"{name} has been started anew since it was looked at"
        return None if now.running else f"{name} does not run ({now.status})"

    def _await_health(self, instance: Instance, now: ContainerState) -> Outcome:
        started = time.monotonic()
        self._restarted_at = now.started_at
        times = f"started at {_clock(self._act.started_at)} before, at {_clock(now.started_at)} now"
        self._note(changed=True, result=f"restarted ({times}); not healthy yet")
        while illness := self._pages.illness(self._target, instance):
            if time.monotonic() - started > SECONDS_TO_BE_HEALTHY:
                return self._end(
                    OutcomeStatus.FAILED,
                    f"restarted ({times}); not healthy after {SECONDS_TO_BE_HEALTHY:.0f} s: {illness}",
                )
            stop_if_given_up()
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return self._end(
            OutcomeStatus.DONE, f"restarted ({times}); healthy after {time.monotonic() - started:.1f} s"
        )

    def _explain(self, error: PoolmedicError) -> Outcome:
        if isinstance(error, SourceUnavailable):
            return self._end(OutcomeStatus.UNKNOWN, error.message)
        return self._end(OutcomeStatus.FAILED, error.message, changed=False)

    def _end(self, status: OutcomeStatus, result: str, *, changed: bool = True) -> Outcome:
        self._note(changed=changed, result=result)
        detail = f"{result}{self._unread}"
        return Outcome(status=status, touched=self._touched, detail=detail, restarted_at=self._restarted_at)

    def _note(self, *, changed: bool, result: str) -> None:
        self._touched = (Touched(what=f"container {self._act.container}", changed=changed, result=result),)


def _clock(moment: Moment | None) -> str:
    return "an unknown time" if moment is None else f"{moment:%H:%M:%S.%f}"[:-3]


def _grace(container: Container, state: ContainerState) -> int:
    grace = round(state.stop_grace_seconds)
    if not 0 <= grace <= LONGEST_STOP_GRACE:
        raise SourceRefused(
            f"{container.name} asks for {grace} s to stop, and an act may wait {LONGEST_STOP_GRACE} s; "
            "nothing was touched"
        )
    return grace
