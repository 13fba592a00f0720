"""The ports: every effect the workflows ask for, as abstract activities.

A method's name is its activity type.
Reading ports raise the errors of `workflows.errors`; a part that cannot be read is `Unavailable` inside the
result. Acting ports run at most once per call and return what they really touched.
"""

from abc import ABC, abstractmethod

from temporalio import activity

from workflows.models.evidence import (
    ApplicationReading,
    ContainersReading,
    DatabaseReading,
    MetricsReading,
)
from workflows.models.index import IndexAdvice, QueryTally
from workflows.models.outcome import Outcome
from workflows.models.page import Delivery, Page
from workflows.models.verdict import WindowReading
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


class Metrics(ABC):
    """Prometheus. NaN and infinities never leave it: they are `Unavailable`."""

    @activity.defn
    @abstractmethod
    async def read_metrics(self, look: Look) -> MetricsReading:
        """Pools, traffic and the alert's state now (runbook, investigation steps 1 and 4)."""

    @activity.defn
    @abstractmethod
    async def read_window(self, look: WindowLook) -> WindowReading:
        """Every configured instance over the clear window (runbook, verification)."""


class Application(ABC):
    """The application's own pages, asked over HTTP."""

    @activity.defn
    @abstractmethod
    async def read_application(self, look: Look) -> ApplicationReading:
        """Health, pool and a query through the pool, per instance."""


class Database(ABC):
    """PostgreSQL, over one warm connection per server."""

    @activity.defn
    @abstractmethod
    async def read_database(self, look: Look) -> DatabaseReading:
        """Server, sessions, statements (runbook, investigation steps 2 and 3)."""

    @activity.defn
    @abstractmethod
    async def terminate_sessions(self, request: TerminateRequest) -> Outcome:
        """End exactly the named sessions and wait until they are gone (runbook, option 2, corrected)."""

    @activity.defn
    @abstractmethod
    async def cancel_queries(self, request: CancelRequest) -> Outcome:
        """Cancel exactly the named statements and wait until they have stopped; their sessions stay.

        A change of a table may have any application name; of a query it has to be the target's.
        """

    @activity.defn
    @abstractmethod
    async def set_session_timeout(self, request: TimeoutRequest) -> Outcome:
        """Set the role's timeout for idle transactions, then end the named sessions (solution 3)."""


class Indexes(ABC):
    """PostgreSQL by a login that a database administrator made a member of the tables' owner."""

    @activity.defn
    @abstractmethod
    async def advise_index(self, look: QueryLook) -> IndexAdvice:
        """The index that a query lacks, by its plan; raises `PreconditionGone` where none is known."""

    @activity.defn
    @abstractmethod
    async def create_index(self, request: CreateIndexRequest) -> Outcome:
        """Create it beside everybody's work (runbook, short-term fixes); a failure leaves nothing behind."""

    @activity.defn
    @abstractmethod
    async def measure_query(self, look: QueryLook) -> QueryTally:
        """Plan and calls of a query so far, and how many of a certain age are under way."""


class Containers(ABC):
    """The Docker Engine. A blocking driver: plain functions on a thread pool, with heartbeats."""

    @activity.defn
    @abstractmethod
    def read_containers(self, look: Look) -> ContainersReading:
        """State, start, restarts and out-of-memory kills, per instance."""

    @activity.defn
    @abstractmethod
    def restart_container(self, request: RestartRequest) -> Outcome:
        """Restart one container and wait for its health page (runbook, option 1)."""

    @activity.defn
    @abstractmethod
    def resize_pool(self, request: ResizeRequest) -> Outcome:
        """Change the pool's maximum while the application runs (runbook, option 3, corrected)."""


class Alerts(ABC):
    """Alertmanager."""

    @activity.defn
    @abstractmethod
    async def read_silence(self, look: Look) -> str | None:
        """Who silenced an alert of the incident and why, or None when nobody did; in doubt somebody did."""


class Notifications(ABC):
    """People, by the routes of the configuration."""

    @activity.defn
    @abstractmethod
    async def send_page(self, page: Page) -> Delivery:
        """Deliver by the first route that works; raises `SourceUnavailable` when none did."""


class Reports(ABC):
    """Where reports are kept."""

    @activity.defn
    @abstractmethod
    async def store_report(self, request: StoreRequest) -> Stored:
        """Render as Markdown, HTML and JSON, and store all of them."""
