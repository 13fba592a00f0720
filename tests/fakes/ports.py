"""Every port, on the simulated world."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, override

from temporalio import activity

from tests.fakes import changes, prometheus, readings
from tests.fakes.world import Act, World
from workflows import verification
from workflows.errors import PreconditionGone, SourceRefused, SourceUnavailable
from workflows.models.evidence import ApplicationReading, ContainersReading, DatabaseReading, MetricsReading
from workflows.models.outcome import Outcome, OutcomeStatus, Touched
from workflows.models.page import Delivery, Page
from workflows.models.reading import Known
from workflows.models.session import SessionIdentity, StatementIdentity
from workflows.models.verdict import WindowReading
from workflows.ports import activities as ports
from workflows.ports.requests import (
    CancelRequest,
    Look,
    ResizeRequest,
    RestartRequest,
    Stored,
    StoreRequest,
    TerminateRequest,
    WindowLook,
)
from workflows.remedies.termination import most_at_once

BETWEEN_LOOKS = timedelta(seconds=0.5)


class _Port:
    def __init__(self, world: World) -> None:
        self.world = world

    def _see(self, source: str, at: datetime) -> None:
        if reason := self.world.state(at).blind.get(source):
            raise SourceUnavailable(f"{source}: {reason}")


class FakeMetrics(_Port, ports.Metrics):
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


class FakeApplication(_Port, ports.Application):
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
            instances={name: readings.read_page(self.world, name, at) for name in names}
        )


class FakeDatabase(_Port, ports.Database):
    """PostgreSQL: a session ends only if it is its very identity, and the target's own."""

    @activity.defn
    @override
    async def read_database(self, look: Look) -> DatabaseReading:
        async with self.world.scene("read_database") as at:
            self._see("database", at)
            return readings.read_sessions(self.world, look.target.database, at)

    @activity.defn
    @override
    async def terminate_sessions(self, request: TerminateRequest) -> Outcome:
        async with self.world.scene("terminate_sessions") as at:
            self._see("database", at)
            self._refuse(request, at)
            touched: tuple[Touched, ...] = ()
            for session in request.act.sessions:
                _beat((*touched, *map(_pending, request.act.sessions[len(touched) :])))
                touched += (self._end(session, request, at),)
            _beat(touched)
            ended = sum(one.changed for one in touched)
            status = OutcomeStatus.DONE if ended == len(touched) else OutcomeStatus.PARTLY
            return Outcome(
                status=status if ended else OutcomeStatus.NOTHING,
                touched=touched,
                detail=f"{ended} of {len(touched)} sessions ended",
            )

    @activity.defn
    @override
    async def cancel_queries(self, request: CancelRequest) -> Outcome:
        async with self.world.scene("cancel_queries") as at:
            self._see("database", at)
            database, statements = request.target.database, request.act.statements
            if any((each.usename, each.datname) != (database.role, database.dbname) for each in statements):
                raise SourceRefused("a session is not the target's own: nothing was touched")
            if request.limits is not None and len(statements) > request.limits.sessions_per_act:
                raise PreconditionGone(f"{len(statements)} statements are more than may be cancelled at once")
            _beat(tuple(map(_pending, statements)))
            touched = tuple(self._cancel(each, at) for each in statements)
            _beat(touched)
            cancelled = sum(one.changed for one in touched)
            status = OutcomeStatus.DONE if cancelled == len(touched) else OutcomeStatus.PARTLY
            return Outcome(
                status=status if cancelled else OutcomeStatus.NOTHING,
                touched=touched,
                detail=f"{cancelled} of {len(touched)} statements cancelled",
            )

    def _cancel(self, wanted: StatementIdentity, at: datetime) -> Touched:
        found = [each for each in self.world.state(at).backends if each.statement_identity(at) == wanted]
        if not found or found[0].state != "active":
            return Touched(what=str(wanted), changed=False, result="left alone: not as identified any more")
        self.world.record(at, changes.cancel(wanted), Act(at, "cancel", str(wanted.pid)))
        return Touched(what=str(wanted), changed=True, result="cancelled")

    def _refuse(self, request: TerminateRequest, at: datetime) -> None:
        database, asked = request.target.database, len(request.act.sessions)
        if not all(readings.is_own(session, database) for session in request.act.sessions):
            raise SourceRefused("a session is not the target's own: nothing was touched")
        own = readings.read_sessions(self.world, database, at).sessions_total
        if request.limits is not None and asked > (most := most_at_once(request.limits, own)):
            raise PreconditionGone(f"{asked} sessions are more than the {most} that may end at once")

    def _end(self, wanted: SessionIdentity, request: TerminateRequest, at: datetime) -> Touched:
        self.world.asked_to_end.append(wanted)
        found = [backend for backend in self.world.state(at).backends if backend.identity(at) == wanted]
        is_allowed = found and readings.is_own(found[0], request.target.database) and not found[0].in_progress
        if not is_allowed:
            return Touched(what=str(wanted), changed=False, result="left alone: not as identified any more")
        self.world.record(at, changes.end(wanted), Act(at, "end", str(wanted.pid)))
        return Touched(what=str(wanted), changed=True, result="ended")


def _beat(touched: tuple[Touched, ...]) -> None:
    if activity.in_activity():
        activity.heartbeat(touched)


def _pending(session: SessionIdentity) -> Touched:
    return Touched(what=str(session), changed=False, result="not reached yet")


class FakeContainers(_Port, ports.Containers):
    """The Docker Engine."""

    @activity.defn
    @override
    def read_containers(self, look: Look) -> ContainersReading:
        with self.world.blocking_scene("read_containers") as at:
            self._see("containers", at)
            names = [instance.name for instance in look.target.instances]
            return ContainersReading(
                instances={name: readings.read_container(self.world, name, at) for name in names}
            )

    @activity.defn
    @override
    def restart_container(self, request: RestartRequest) -> Outcome:
        with self.world.blocking_scene("restart_container") as at:
            self._see("containers", at)
            act, app = request.act, self.world.state(at).apps[request.act.instance]
            if (app.container_id, app.started_at) != (act.container_id, act.started_at):
                raise PreconditionGone(f"{act.container} was started anew at {app.started_at:%H:%M:%S}")
            change = changes.restart(act.instance, request.target.database)
            self.world.record(at, change, Act(at, "restart", act.instance))
            touched = Touched(what=f"container {act.container}", changed=True, result="restarted, healthy")
            return Outcome(status=OutcomeStatus.DONE, touched=(touched,), detail="healthy after 1.3 s")

    @activity.defn
    @override
    def resize_pool(self, request: ResizeRequest) -> Outcome:
        with self.world.blocking_scene("resize_pool") as at:
            self._see("containers", at)
            touched = tuple(self._resize(name, size, at) for name, size in request.act.sizes.items())
            apps = self.world.state(at).apps
            reached = sum(apps[name].size == size for name, size in request.act.sizes.items())
            status = OutcomeStatus.DONE if reached == len(touched) else OutcomeStatus.PARTLY
            return Outcome(status=status if reached else OutcomeStatus.FAILED, touched=touched)

    def _resize(self, name: str, size: int, at: datetime) -> Touched:
        if self.world.state(at).apps[name].size == size:
            return Touched(what=f"pool of {name}", changed=False, result=f"already {size}")
        if not self.world.state(at).apps[name].reloads:
            return Touched(what=f"pool of {name}", changed=False, result="the generation did not change")
        self.world.record(at, changes.resize(name, size), Act(at, "resize", name, size))
        return Touched(what=f"pool of {name}", changed=True, result=f"size {size}")


class FakeAlerts(_Port, ports.Alerts):
    """Alertmanager."""

    @activity.defn
    @override
    async def read_silence(self, look: Look) -> str | None:
        async with self.world.scene("read_silence") as at:
            return self.world.state(at).silence


class FakeNotifications(_Port, ports.Notifications):
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


class FakeReports(_Port, ports.Reports):
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
    return [
        metrics.read_metrics,
        metrics.read_window,
        FakeApplication(world).read_application,
        database.read_database,
        database.terminate_sessions,
        database.cancel_queries,
        containers.read_containers,
        containers.restart_container,
        containers.resize_pool,
        FakeAlerts(world).read_silence,
        FakeNotifications(world).send_page,
        FakeReports(world).store_report,
    ]
