"""Every port, on the simulated world."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, override

from temporalio import activity

from activities.beating import cut_short, stop_if_given_up
from tests.fakes import changes, prometheus, readings
from tests.fakes.database import FakeDatabase
from tests.fakes.indexes import FakeIndexes
from tests.fakes.port import Port
from tests.fakes.world import Act, World
from workflows import verification
from workflows.errors import NotPermitted, PreconditionGone, SourceUnavailable
from workflows.last_look import LastLook, look_once_more
from workflows.models.evidence import ApplicationReading, ContainersReading, MetricsReading
from workflows.models.outcome import Outcome, OutcomeStatus, Touched
from workflows.models.page import Delivery, Page
from workflows.models.plan import Resize
from workflows.models.reading import Known
from workflows.models.verdict import WindowReading
from workflows.ports import activities as ports
from workflows.ports.requests import (
    Look,
    ResizeRequest,
    RestartRequest,
    Stored,
    StoreRequest,
    WindowLook,
)

BETWEEN_LOOKS = timedelta(seconds=0.5)


class FakeMetrics(Port, ports.Metrics):
    """Prometheus."""

    @activity.defn
    @override
    async def read_metrics(self, look: Look) -> MetricsReading:
        async with self.world.scene("read_metrics") as at:
            return prometheus.read(self.world, at, look.policy.thresholds)

    @activity.defn
    @override
    async def read_window(self, look: WindowLook) -> WindowReading:
        async with self.world.scene("read_window"):
            return prometheus.read_window(self.world, look.since, look.until)


class FakeApplication(Port, ports.Application):
    """The application's own pages."""

    @activity.defn
    @override
    async def read_application(self, look: Look) -> ApplicationReading:
        async with self.world.scene("read_application") as asked:
            at = asked + look.settle
            while not self._is_free(look, at) and at < asked + look.settle + look.patience:
                at += BETWEEN_LOOKS
            return self._read(look, at)

    def _is_free(self, look: Look, at: datetime) -> bool:
        reading = Known(value=self._read(look, at), at=at)
        return verification.is_free(reading, look.target, look.policy) is True

    def _read(self, look: Look, at: datetime) -> ApplicationReading:
        names = [instance.name for instance in look.target.instances]
        return ApplicationReading(
            instances={name: readings.read_page(self.world, name, at, hints=look.hints) for name in names}
        )


class FakeContainers(Port, ports.Containers):
    """The Docker Engine."""

    @activity.defn
    @override
    def read_containers(self, look: Look) -> ContainersReading:
        with self.world.blocking_scene("read_containers") as at:
            self.see("containers", at)
            return ContainersReading(
                instances={
                    instance.name: readings.read_container(self.world, instance, at)
                    for instance in look.target.instances
                },
                barred=dict(self.world.state(at).barred),
            )

    @activity.defn
    @override
    def restart_container(self, request: RestartRequest) -> Outcome:
        with self.world.blocking_scene("restart_container") as at:
            self.see("containers", at)
            if _is_given_up():
                return cut_short(())
            act, app = request.act, self.world.state(at).apps[request.act.instance]
            if (app.container_id, app.started_at) != (act.container_id, act.started_at):
                raise PreconditionGone(f"{act.container} was started anew at {app.started_at:%H:%M:%S}")
            look = self._look_once_more(request.guard, (act.instance,), at)
            if look.free:
                raise PreconditionGone(look.free)
            change = changes.restart(act.instance, request.target.database)
            self.world.record(at, change, Act(at, "restart", act.instance))
            touched = Touched(what=f"container {act.container}", changed=True, result="restarted, healthy")
            detail = f"healthy after 1.3 s{f'; {look.unread}' if look.unread else ''}"
            return Outcome(status=OutcomeStatus.DONE, touched=(touched,), detail=detail, restarted_at=at)

    @activity.defn
    @override
    def resize_pool(self, request: ResizeRequest) -> Outcome:
        with self.world.blocking_scene("resize_pool") as at:
            self.see("containers", at)
            if _is_given_up():
                return cut_short(())
            act = request.act
            self._check_sizes(act, at)
            self._check_need(request, at)
            touched = tuple(
                self._resize(name, size, act.replaces.get(name), at) for name, size in act.sizes.items()
            )
            apps = self.world.state(at).apps
            reached = sum(apps[name].size == size for name, size in act.sizes.items())
            status = OutcomeStatus.DONE if reached == len(touched) else OutcomeStatus.PARTLY
            return Outcome(status=status if reached else OutcomeStatus.FAILED, touched=touched)

    def _look_once_more(self, guard: Look | None, names: Iterable[str], at: datetime) -> LastLook:
        if guard is None:
            return LastLook()
        pages = ((name, readings.read_page(self.world, name, at)) for name in names)
        pools = ((name, page.value.pool if isinstance(page, Known) else page) for name, page in pages)
        return look_once_more(pools, guard.policy)

    def _check_need(self, request: ResizeRequest, at: datetime) -> None:
        sizes, apps = request.act.sizes, self.world.state(at).apps
        if any(apps[name].size == size for name, size in sizes.items()):
            return
        look = self._look_once_more(request.guard, sizes, at)
        if look.free:
            raise PreconditionGone(f"{look.free}; nothing was touched")
        if look.unread:
            raise NotPermitted(look.unread)

    def _check_sizes(self, act: Resize, at: datetime) -> None:
        for name, known in act.replaces.items():
            size = self.world.state(at).apps[name].size
            if size not in (known, act.sizes[name]):
                raise PreconditionGone(f"{name} has {size} connections: somebody else has changed it")

    def _resize(self, name: str, size: int, replaced: int | None, at: datetime) -> Touched:
        app = self.world.state(at).apps[name]
        is_left_alone = replaced is not None and app.asked_for != replaced
        if app.size == size and (app.asked_for in (None, size) or is_left_alone):
            return Touched(what=f"pool of {name}", changed=False, result=f"already {size}")
        if not app.reloads:
            return Touched(what=f"pool of {name}", changed=False, result="the generation did not change")
        self.world.record(at, changes.resize(name, size), Act(at, "resize", name, size))
        return Touched(what=f"pool of {name}", changed=True, result=f"size {size}")


def _is_given_up() -> bool:
    if not activity.in_activity():
        return False
    try:
        stop_if_given_up()
    except asyncio.CancelledError:
        return True
    return False


class FakeAlerts(Port, ports.Alerts):
    """Alertmanager."""

    @activity.defn
    @override
    async def read_silence(self, look: Look) -> str | None:
        async with self.world.scene("read_silence") as at:
            state = self.world.state(at)
            certain = {"alertname": look.alert_name, **look.target.matchers}
            alerts = [alert.labels for alert in look.alerts] or [certain]
            found = (one.told for one in state.quiet if any(one.is_for(labels) for labels in alerts))
            return next(found, None) if state.silence is None else state.silence


class FakeNotifications(Port, ports.Notifications):
    """People."""

    @activity.defn
    @override
    async def send_page(self, page: Page) -> Delivery:
        async with self.world.scene("send_page") as at:
            down = self.world.routes_down
            route = next((route for route in page.routes if route not in down), None)
            if route is None:
                raise SourceUnavailable(f"no route of {page.level} took the page: {down}")
            self.world.pages.append((at, page))
            return Delivery(route=route, failed={one: down[one] for one in page.routes if one in down})


class FakeReports(Port, ports.Reports):
    """Where reports are kept."""

    @activity.defn
    @override
    async def store_report(self, request: StoreRequest) -> Stored:
        async with self.world.scene("store_report") as at:
            self.world.reports.append((at, request.report))
            return Stored(url=f"https://reports.example/{request.report.run_id}")


def activities(world: World) -> list[Callable[..., Any]]:
    """Every activity that a worker offers."""
    metrics, database, containers = FakeMetrics(world), FakeDatabase(world), FakeContainers(world)
    indexes = FakeIndexes(world)
    return [
        metrics.read_metrics,
        metrics.read_window,
        FakeApplication(world).read_application,
        database.read_database,
        database.terminate_sessions,
        database.cancel_queries,
        database.set_session_timeout,
        indexes.advise_index,
        indexes.create_index,
        indexes.measure_query,
        containers.read_containers,
        containers.restart_container,
        containers.resize_pool,
        FakeAlerts(world).read_silence,
        FakeNotifications(world).send_page,
        FakeReports(world).store_report,
    ]
