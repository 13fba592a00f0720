"""Containers of a Docker Engine: their state, a restart, a pool's size while the application runs."""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import override

from temporalio import activity

from activities.beating import beat_during
from activities.container_log import read_log
from activities.container_state import describe
from activities.engine import Connect, Engine
from activities.engine_list import EngineList
from activities.instance_pages import InstancePages
from activities.profiles.profile import Profile
from activities.resizing import Resizing
from activities.restarting import Restarting
from workflows.errors import NotConfigured, SourceNonsense, SourceRefused
from workflows.models.evidence import ContainersReading, ContainerState
from workflows.models.outcome import Outcome
from workflows.models.policy import Mode, Option, Permission
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Instance, Log
from workflows.ports.activities import Containers
from workflows.ports.requests import Look, ResizeRequest, RestartRequest

SECONDS_FOR_THE_LIST = 4.0
"""Of a reading, which has 10: after them nobody begins to ask what a proxy bars, and that is not known."""


class DockerContainers(Containers):
    """One engine. `connect` opens its client: it may be absent at start and come back later."""

    def __init__(self, connect: Connect, profiles: Mapping[str, Profile]) -> None:
        self._engine = Engine(connect)
        self._list = EngineList(self._engine)
        self._pages = InstancePages(profiles)

    def close(self) -> None:
        """Close the engine's client."""
        self._engine.close()

    @activity.defn
    @override
    def read_containers(self, look: Look) -> ContainersReading:
        until = time.monotonic() + SECONDS_FOR_THE_LIST
        instances = {
            instance.name: self._read(instance, look.target.log) for instance in look.target.instances
        }
        return ContainersReading(instances=instances, barred=dict(self._barred(look, until)))

    # A cancel in the middle would leave half an act behind; both have limits of their own.
    @activity.defn(no_thread_cancel_exception=True)
    @override
    def restart_container(self, request: RestartRequest) -> Outcome:
        restarting = Restarting(self._engine, self._pages, request)
        return beat_during(restarting.run, restarting.touched)

    @activity.defn(no_thread_cancel_exception=True)
    @override
    def resize_pool(self, request: ResizeRequest) -> Outcome:
        resizing = Resizing(self._engine, self._pages, request)
        return beat_during(resizing.run, resizing.touched)

    def _barred(self, look: Look, until: float) -> Iterator[tuple[Option, str]]:
        if not any(instance.container for instance in look.target.instances):
            return
        for option in (Option.RESTART, Option.RESIZE):
            is_wanted = look.policy.permission(option) is not Permission.NEVER
            if is_wanted and (reason := self._bar(option, look, until)):
                yield option, reason

    def _bar(self, option: Option, look: Look, until: float) -> str | None:
        if option is Option.RESIZE:
            if look.target.reload is None:
                return None  # which the plan knows by itself
            try:
                self._pages.pool_page(look.target)
            except NotConfigured as missing:
                return missing.message
        # Whoever observes may stand before a proxy that lets through reading alone, and reports what is more.
        return None if look.policy.mode is Mode.OBSERVE else self._list.refusal(option, until)

    def _read(self, instance: Instance, log: Log | None) -> Known[ContainerState] | Unavailable:
        if instance.container is None:
            return Unavailable(reason=f"{instance.name} has no container in the configuration")
        try:
            container = self._engine.container(instance.container)
            state = describe(container)
        except (SourceRefused, SourceNonsense) as exc:
            return Unavailable(reason=exc.message)
        now = datetime.now(UTC)
        if log is not None:
            state = state.model_copy(update={"log": read_log(container, log, now)})
        return Known(value=state, at=now)
