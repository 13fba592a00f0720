"""A new maximum for the pools of running instances: file, signal, and their own word that it holds."""

import math
import time
from dataclasses import dataclass

from docker.models.containers import Container

from activities.beating import stop_if_given_up
from activities.container_state import describe
from activities.engine import Engine, translated
from activities.instance_pages import InstancePages, PoolNow
from activities.pool_file import PoolFile
from workflows.errors import (
    NotConfigured,
    NotPermitted,
    PoolmedicError,
    PreconditionGone,
    SourceRefused,
    SourceUnavailable,
)
from workflows.last_look import look_once_more
from workflows.models.outcome import Outcome, OutcomeStatus, Touched
from workflows.models.target import Instance, Reload
from workflows.ports.requests import ResizeRequest

SECONDS_TO_APPLY = 15.0
SECONDS_IN_ALL = 180.0
"""For all instances together: well below the lease of the act's permit."""
SECONDS_BETWEEN_LOOKS = 0.1


class NotTaken(Exception):
    """The application kept its old size; its file is as it was before."""


@dataclass(frozen=True)
class Pool:
    """One instance's pool as it was found, and the maximum it is to have."""

    instance: Instance
    container: Container
    file: PoolFile
    before: PoolNow
    wanted: int
    replaced: int | None = None
    """What a revert takes back."""

    @property
    def is_done(self) -> bool:
        """Both the file and the running pool have the size already; a revert leaves any other file alone."""
        is_taken_back = self.replaced is not None and self.file.size != self.replaced
        return self.before.size == self.wanted and (self.file.size == self.wanted or is_taken_back)

    def has_taken(self, now: PoolNow) -> bool:
        """The configuration was read again, by its generation where the application counts one."""
        return now.generation is None or now.generation != self.before.generation


class Resizing:
    """The act and what has become of it so far, by instance."""

    def __init__(self, engine: Engine, pages: InstancePages, request: ResizeRequest) -> None:
        self._engine = engine
        self._pages = pages
        self._target = request.target
        self._act = request.act
        self._guard = request.guard
        self._results: dict[str, Touched] = {}
        self._deadline = math.inf

    def touched(self) -> tuple[Touched, ...]:
        """What the server should know if this process dies now."""
        return tuple(self._results.values())

    def run(self) -> Outcome:
        """One instance after the other, until one does not take it; raises before the first is touched."""
        reload = self._reload()
        self._deadline = time.monotonic() + SECONDS_IN_ALL
        pools = [self._find(name, size, reload) for name, size in self._act.sizes.items()]
        self._look_once_more(pools)
        for pool in pools:
            self._note(pool, changed=False, result="not reached")
        statuses = []
        try:
            for pool in pools:
                statuses.append(self._apply(pool, reload))  # noqa: PERF401  what was done counts if the next raises
        except SourceUnavailable as exc:
            return Outcome(status=OutcomeStatus.UNKNOWN, touched=self.touched(), detail=exc.message)
        except (PoolmedicError, NotTaken) as exc:
            status = OutcomeStatus.PARTLY if statuses else OutcomeStatus.FAILED
            return Outcome(status=status, touched=self.touched(), detail=getattr(exc, "message", str(exc)))
        status = OutcomeStatus.PARTLY if OutcomeStatus.PARTLY in statuses else OutcomeStatus.DONE
        return Outcome(status=status, touched=self.touched(), detail=self._summary())

    def _reload(self) -> Reload:
        if self._target.reload is None:
            raise NotConfigured(
                f"{self._target.name} has no `reload`: its pool cannot be resized while it runs"
            )
        return self._target.reload

    def _find(self, name: str, wanted: int, reload: Reload) -> Pool:
        instance = self._target.instance(name)
        if instance.container is None:
            raise NotConfigured(f"{name} has no container: its pool cannot be resized")
        container = self._engine.container(instance.container)
        if not describe(container).running:
            raise PreconditionGone(f"container {instance.container} does not run; nothing was touched")
        before = self._pages.pool(self._target, instance)
        baseline = self._act.baseline.get(name, instance.pool_size)
        known = self._act.replaces.get(name, baseline)
        if before.size not in (known, wanted):
            raise PreconditionGone(
                f"{name} has {before.size} connections, neither {known} as before nor {wanted}: "
                "somebody else has changed it; nothing was touched"
            )
        replaced = self._act.replaces.get(name)
        return Pool(instance, container, PoolFile(container, reload), before, wanted, replaced)

    def _look_once_more(self, pools: list[Pool]) -> None:
        """Raises where no pool is in need any more, or none is known to be.

        One that has its new size says that the act was begun: then it is ended, for what would take it back
        is withdrawn where nothing was touched.
        """
        if self._guard is None or any(pool.before.size == pool.wanted for pool in pools):
            return
        usage = ((pool.instance.name, self._pages.usage(self._target, pool.instance)) for pool in pools)
        look = look_once_more(usage, self._guard.policy)
        if look.free:
            whose = "each of the pools to be resized is " if len(self._target.instances) > 1 else ""
            raise PreconditionGone(f"{whose}{look.free}; nothing was touched")
        if look.unread:
            raise NotPermitted(f"{look.unread}; nothing was touched")

    def _apply(self, pool: Pool, reload: Reload) -> OutcomeStatus:
        if time.monotonic() >= self._deadline:
            raise NotTaken(f"{pool.instance.name} was not reached within {SECONDS_IN_ALL:.0f} s")
        if pool.is_done:
            self._note(pool, changed=False, result=f"already {pool.wanted}")
            return OutcomeStatus.DONE
        stop_if_given_up()
        self._note(pool, changed=True, result=f"{pool.wanted} being written; no answer heard")
        self._write(pool, reload)
        now, told = self._await_size(pool)
        if now is not None and pool.has_taken(now):
            if now.size == pool.wanted:
                self._note(
                    pool, changed=True, result=f"{pool.before.size} -> {now.size}{_generations(pool, now)}"
                )
                return OutcomeStatus.DONE
            if pool.wanted < now.size <= pool.before.size:
                told = f"configured for {pool.wanted}, still {now.size} until connections are returned"
                self._note(pool, changed=True, result=told)
                return OutcomeStatus.PARTLY
        self._put_back(pool, told, reload)
        raise NotTaken(f"{pool.instance.name}: {self._results[pool.instance.name].result}")

    def _write(self, pool: Pool, reload: Reload) -> None:
        """File and signal; where the engine refuses one of them, the file is as it was."""
        try:
            pool.file.write(pool.wanted)
        except SourceRefused as exc:
            self._note(pool, changed=False, result=exc.message)
            raise
        try:
            self._signal(pool, reload)
        except SourceRefused as exc:
            # Nobody was told to read it, and whoever reads it later would get a size that nobody takes back.
            self._put_back(pool, exc.message)
            raise

    def _await_size(self, pool: Pool) -> tuple[PoolNow | None, str]:
        """The last that the instance said, and a sentence on it."""
        deadline = min(time.monotonic() + SECONDS_TO_APPLY, self._deadline)
        while True:
            now, told = self._ask(pool)
            is_reached = now is not None and now.size == pool.wanted and pool.has_taken(now)
            if is_reached or time.monotonic() > deadline:
                return now, f"{told} {SECONDS_TO_APPLY:.0f} s after SIG{self._reload().signal}"
            stop_if_given_up()
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _ask(self, pool: Pool) -> tuple[PoolNow | None, str]:
        try:
            now = self._pages.pool(self._target, pool.instance)
        except PoolmedicError as exc:
            return None, f"its size could not be read ({exc.message})"
        return now, f"its size was {now.size}, wanted {pool.wanted}{_generations(pool, now)}"

    def _put_back(self, pool: Pool, told: str, reload: Reload | None = None) -> None:
        try:
            pool.file.put_back()
            if reload is not None:
                self._signal(pool, reload)
        except PoolmedicError as exc:
            self._note(
                pool, changed=True, result=f"{told}; the old file could not be put back: {exc.message}"
            )
        else:
            self._note(pool, changed=False, result=f"{told}; the old file was put back")

    def _signal(self, pool: Pool, reload: Reload) -> None:
        with translated(f"SIG{reload.signal} to {pool.container.name}"):
            pool.container.kill(signal=f"SIG{reload.signal}")

    def _note(self, pool: Pool, *, changed: bool, result: str) -> None:
        name = pool.instance.name
        self._results[name] = Touched(what=f"pool of {name}", changed=changed, result=result)

    def _summary(self) -> str:
        return "; ".join(f"{name}: {touched.result}" for name, touched in self._results.items())


def _generations(pool: Pool, now: PoolNow) -> str:
    if now.generation is None:
        return ""
    return f" (generation {pool.before.generation} -> {now.generation})"
