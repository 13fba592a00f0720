"""Every call to a port, with its options and its summary for the Temporal UI; failure becomes data."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows import options
from workflows.failures import explain
from workflows.identities import Identities
from workflows.models.alert import Alert, Case
from workflows.models.base import Moment
from workflows.models.evidence import ApplicationReading, DatabaseReading, Evidence, MetricsReading
from workflows.models.index import QueryTally
from workflows.models.outcome import Outcome
from workflows.models.page import Delivery, Page
from workflows.models.plan import (
    Act,
    Cancellation,
    IndexCreation,
    Resize,
    Restart,
    SessionTimeout,
    Termination,
)
from workflows.models.policy import Pace
from workflows.models.reading import Known, Unavailable
from workflows.models.report import Report
from workflows.models.target import Target
from workflows.models.verdict import WindowReading
from workflows.patches import outcome_in_this_run
from workflows.ports.activities import (
    Alerts,
    Application,
    Containers,
    Database,
    Indexes,
    Metrics,
    Notifications,
    Reports,
)
from workflows.ports.requests import (
    CancelRequest,
    CreateIndexRequest,
    Look,
    QueryLook,
    ResizeRequest,
    RestartRequest,
    Stored,
    StoreRequest,
    TerminateRequest,
    TimeoutRequest,
    WindowLook,
)
from workflows.wording import counted, span


async def _reading[T](answer: Awaitable[T]) -> Known[T] | Unavailable:
    try:
        return Known(value=await answer, at=workflow.now())
    except ActivityError as failure:
        if is_cancelled_exception(failure):
            raise
        return Unavailable(reason=explain(failure))


def _headline(act: Act) -> str:
    match act:
        case Termination(sessions=sessions):
            return f"end {len(sessions)} sessions, each only if it is still the one that was seen"
        case Cancellation(statements=statements):
            number = counted(len(statements), "statement")
            return f"cancel {number}, each only while it is still the one that was seen"
        case Restart(container=container):
            return f"restart {container}"
        case Resize(sizes=sizes):
            return "pool size " + ", ".join(f"{name}: {size}" for name, size in sizes.items())
        case SessionTimeout(role=role, timeout=timeout):
            return f"idle_in_transaction_session_timeout of {role}: {span(timeout)}"
        case IndexCreation():
            return act.statement


class Effects:
    """What one incident, or one temporary change, asks of the world."""

    def __init__(self, case: Case) -> None:
        self._target: Target = case.target
        self._limits = case.policy.limits
        self._clear_step = case.policy.clear_window.step
        self._look = Look(target=case.target, policy=case.policy, alert_name=case.alert.name)
        self._alerts = Identities(case.alert)

    def hear(self, alert: Alert) -> None:
        """One more alert of the incident: who silences it means the incident."""
        self._alerts.add(alert)

    @property
    def _guard(self) -> Look:
        return self._look.model_copy(update={"alerts": self._alerts.known})

    async def investigate(self) -> Evidence:
        """All four sources side by side; one that fails does not stop the others."""
        metrics, application, database, containers = await asyncio.gather(
            self.read_metrics(),
            self.look(hints=True),
            self.read_database(),
            _reading(
                workflow.execute_activity_method(
                    Containers.read_containers,
                    self._look,
                    **options.summed(options.READ, "state of the containers"),
                )
            ),
        )
        return Evidence(
            at=workflow.now(),
            metrics=metrics,
            application=application,
            database=database,
            containers=containers,
        )

    async def read_database(self) -> Known[DatabaseReading] | Unavailable:
        """Sessions, statements and slots, from PostgreSQL."""
        return await _reading(
            workflow.execute_activity_method(
                Database.read_database,
                self._look,
                **options.summed(options.READ, "sessions, statements and slots, from PostgreSQL"),
            )
        )

    async def read_metrics(self) -> Known[MetricsReading] | Unavailable:
        """Pools, traffic and the alert, from Prometheus."""
        return await _reading(
            workflow.execute_activity_method(
                Metrics.read_metrics,
                self._look,
                **options.summed(options.READ, "pools, traffic and the alert, from Prometheus"),
            )
        )

    async def is_resolved(self) -> bool:
        """Whether Prometheus itself says that the alert is over; not where it cannot be read."""
        metrics = await self.read_metrics()
        firing = metrics.value.alert_firing if isinstance(metrics, Known) else metrics
        return isinstance(firing, Known) and not firing.value

    async def look(
        self, pace: Pace | None = None, *, hints: bool = False
    ) -> Known[ApplicationReading] | Unavailable:
        """One quick look: what every instance says of itself; with a pace, once an act had time to show."""
        times = {"settle": pace.settle, "patience": pace.patience} if pace else {}
        return await _reading(
            workflow.execute_activity_method(
                Application.read_application,
                self._look.model_copy(update={**times, "hints": hints}),
                **options.summed(
                    options.after(sum(times.values(), timedelta())),
                    "health, pool and a query, from the application",
                ),
            )
        )

    async def read_window(self, since: Moment) -> Known[WindowReading] | Unavailable:
        """The clear window, from the fix until now."""
        window = WindowLook(
            target=self._target,
            since=since,
            until=workflow.now(),
            step=self._clear_step,
            alert_name=self._look.alert_name,
        )
        return await _reading(
            workflow.execute_activity_method(
                Metrics.read_window,
                window,
                **options.summed(options.READ, f"every reading since {since:%H:%M:%S}"),
            )
        )

    async def read_silence(self) -> Known[str | None] | Unavailable:
        """Whether somebody silenced the alert: then nothing is done."""
        return await _reading(
            workflow.execute_activity_method(
                Alerts.read_silence, self._guard, **options.summed(options.READ, "is the alert silenced")
            )
        )

    async def act(self, act: Act, by: str, room: int = 0) -> Outcome:
        """One act, one attempt; a failure or a lost worker is an outcome. `room` is what a resize leaves."""
        try:
            return await self._dispatch(act, f"{_headline(act)}, decided by {by}"[:200], room)
        except ActivityError as failure:
            if is_cancelled_exception(failure):
                raise
            return outcome_in_this_run(failure)

    async def _dispatch(self, act: Act, summary: str, room: int) -> Outcome:
        guard = self._guard
        match act:
            case Termination():
                return await workflow.execute_activity_method(
                    Database.terminate_sessions,
                    TerminateRequest(target=self._target, act=act, limits=self._limits, guard=guard),
                    **options.summed(options.ACT, summary),
                )
            case Cancellation():
                return await workflow.execute_activity_method(
                    Database.cancel_queries,
                    CancelRequest(target=self._target, act=act, limits=self._limits, guard=guard),
                    **options.summed(options.ACT, summary),
                )
            case Restart():
                return await workflow.execute_activity_method(
                    Containers.restart_container,
                    RestartRequest(target=self._target, act=act, limits=self._limits, guard=guard),
                    **options.summed(options.ACT, summary),
                )
            case Resize():
                return await workflow.execute_activity_method(
                    Containers.resize_pool,
                    ResizeRequest(
                        target=self._target,
                        act=act,
                        limits=None if act.sizes == act.baseline else self._limits,
                        guard=None if act.sizes == act.baseline else guard,
                        room=room,
                    ),
                    **options.summed(options.ACT, summary),
                )
            case SessionTimeout():
                return await workflow.execute_activity_method(
                    Database.set_session_timeout,
                    TimeoutRequest(target=self._target, act=act, limits=self._limits, guard=guard),
                    **options.summed(options.ACT, summary),
                )
            case IndexCreation():
                return await workflow.execute_activity_method(
                    Indexes.create_index,
                    CreateIndexRequest(target=self._target, act=act, limits=self._limits, guard=guard),
                    **options.summed(options.lasting(act.limit), summary),
                )

    async def explain(self, evidence: Evidence, query_id: int) -> Evidence:
        """The same evidence with the index that this query lacks, or why none is known."""
        advice = await _reading(
            workflow.execute_activity_method(
                Indexes.advise_index,
                QueryLook(target=self._target, query_id=query_id),
                **options.summed(options.READ, f"plan of query {query_id}: does it lack an index"),
            )
        )
        return evidence.model_copy(update={"index": advice})

    async def measure_query(
        self, query_id: int, age: timedelta = timedelta()
    ) -> Known[QueryTally] | Unavailable:
        """Plan and calls of this query so far, and how many as old as that are under way."""
        return await _reading(
            workflow.execute_activity_method(
                Indexes.measure_query,
                QueryLook(target=self._target, query_id=query_id, age=age),
                **options.summed(options.READ, f"what the index changed for query {query_id}"),
            )
        )

    async def page(self, page: Page) -> Known[Delivery] | Unavailable:
        """Tell people; unavailable when nobody could be reached for an hour."""
        return await _reading(
            workflow.execute_activity_method(
                Notifications.send_page,
                page,
                **options.summed(options.NOTIFY, f"{page.whom}: {page.title}"[:200]),
            )
        )

    async def store(self, report: Report) -> Known[Stored] | Unavailable:
        """Publish the report."""
        return await _reading(
            workflow.execute_activity_method(
                Reports.store_report,
                StoreRequest(report=report),
                **options.summed(
                    options.STORE, "report, complete" if report.complete else "report, at recovery"
                ),
            )
        )
