"""The same stages on the simulated world of tests/fakes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, override

from tests.fakes import cases, changes
from tests.fakes.changes import Change
from tests.fakes.database import FakeDatabase
from tests.fakes.ports import FakeContainers
from tests.fakes.state import Backend, State
from tests.fakes.world import World
from tests.ports import examples
from tests.ports.container_stage import POOL_SIZE, Behaviour, ContainerStage
from tests.ports.database_stage import DatabaseStage
from tests.ports.lock_table import TABLE
from workflows.models.blocker import LockRequest

FIRST_PID = 500
ON_ROW = LockRequest(kind="transactionid", mode="ShareLock")
TO_READ = LockRequest(kind="relation", mode="AccessShareLock", relation=f"public.{TABLE}")
TO_CHANGE = LockRequest(kind="relation", mode="AccessExclusiveLock", relation=f"public.{TABLE}")


class FakeDatabaseStage(DatabaseStage):
    """Sessions that hold no slot of the simulated pool."""

    def __init__(self) -> None:
        self.target = examples.target()
        self._world = World(self.target, rate=0)
        for instance in self.target.instances:
            self._world.happens(changes.change_app(instance.name, size=0))
        self._pids: list[int] = []
        self._changing: list[int] = []
        self.port = FakeDatabase(self._world)

    @override
    async def leak(
        self, *, role: str | None = None, application: str = examples.APPLICATION, database: str | None = None
    ) -> int:
        return self._open("idle in transaction", role, application, database)

    @override
    async def idle(self) -> int:
        return self._open("idle", None, examples.APPLICATION, None)

    @override
    async def move_on(self, pid: int) -> None:
        self._change(pid, lambda backend, at: replace(backend, state_change=at))

    @override
    async def lock(self, pid: int) -> None:
        self._change(pid, lambda backend, at: replace(backend, state_change=at, holds_advisory_lock=True))

    @override
    async def write(
        self, *, role: str | None = None, application: str = examples.APPLICATION, behind: int | None = None
    ) -> int:
        if behind is None:
            return self._open("idle in transaction", role, application, None, has_written=True)
        return self._open("active", role, application, None, has_written=True, **_waiting(ON_ROW, behind))

    @override
    async def read_table(self, *, application: str = examples.APPLICATION, behind: int | None = None) -> int:
        if behind is None:
            return self._open("idle in transaction", None, application, None)
        return self._open("active", None, application, None, **_waiting(TO_READ, *self._changing))

    @override
    async def change_table(self, *behind: int, role: str | None = None) -> int:
        statement = "TRUNCATE" if role else "ALTER TABLE"
        change = {**_waiting(TO_CHANGE, *behind), "statement": statement, "holds": False}
        self._changing.append(self._open("active", role, "migration", None, **change))
        return self._changing[-1]

    @override
    async def run(
        self, *, application: str = examples.APPLICATION, writes: bool = False, heeds: bool = True
    ) -> int:
        more = {"reads_only": not writes, "query_id": 4712, "heeds_cancel": heeds}
        return self._open("active", None, application, None, **more)

    @override
    async def limit(self, *, role: int | None, database: int | None) -> None:
        self._world.happens(changes.limit(role=role, database=database))

    @override
    async def set_timeout(self, setting: str | None) -> None:
        self._world.happens(changes.set_timeout(setting))

    @override
    def ended(self) -> list[int]:
        return [int(act.what) for act in self._world.acts if act.kind == "end"]

    @override
    def cancelled(self) -> list[int]:
        return [int(act.what) for act in self._world.acts if act.kind == "cancel"]

    @override
    async def alive(self) -> set[int]:
        now = self._world.state(datetime.now(UTC))
        return {backend.pid for backend in now.bystanders}

    @override
    async def disappear(self) -> None:
        self._world.happens(changes.blind("database"))

    def _change(self, pid: int, change: Callable[[Backend, datetime], Backend]) -> None:
        def apply(state: State, at: datetime) -> State:
            changed = (change(each, at) if each.pid == pid else each for each in state.bystanders)
            return replace(state, bystanders=tuple(changed))

        self._world.happens(apply)

    def _open(self, state: str, role: str | None, application: str, database: str | None, **more: Any) -> int:
        pid, now, own = FIRST_PID + len(self._pids), datetime.now(UTC), self.target.database
        self._pids.append(pid)
        backend = Backend(
            pid=pid,
            backend_start=now,
            state=state,
            state_change=now,
            xact_start=None if state == "idle" else now,
            usename=role or own.role,
            datname=database or own.dbname,
            application_name=application,
            **more,
        )
        self._world.happens(changes.join(backend))
        return pid


def _waiting(request: LockRequest, *behind: int) -> dict[str, Any]:
    return {"awaits": request, "blocked_by": behind}


class FakeContainerStage(ContainerStage):
    """Instances of the simulated application."""

    def __init__(self) -> None:
        self.target = cases.target()
        self._world = World(self.target)
        self.port = FakeContainers(self._world)

    @override
    async def run(self, *instances: Behaviour) -> None:
        self.target = cases.target(instances=len(instances), pool_size=POOL_SIZE)
        self._world = World(self.target)
        self.port = FakeContainers(self._world)
        for instance, behaviour in zip(self.target.instances, instances, strict=True):
            quiet = changes.change_app(instance.name, reloads=not behaviour.is_deaf, rate=0.0)
            self._world.happens(quiet)
            if behaviour.active is None:
                self._world.happens(changes.blind(f"application/{instance.name}"))
            else:
                self._world.leak(behaviour.active, instance=instance.name)

    @override
    def restarts(self) -> int:
        return self._world.kinds().count("restart")

    @override
    def restart(self) -> None:
        change: Change = changes.restart(self.target.instances[0].name, self.target.database)
        self._world.happens(change)

    @override
    def sizes(self) -> list[int]:
        return [app.size for app in self._world.state(datetime.now(UTC)).apps.values()]

    @override
    def disappear(self) -> None:
        self._world.happens(changes.blind("containers"))
