"""The port of indexes on the simulated world."""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import override

from temporalio import activity

from activities.beating import given_up
from tests.fakes.changes import Change
from tests.fakes.readings import SLOW_QUERY, SLOW_STATEMENT
from tests.fakes.state import Backend, State
from tests.fakes.world import Act, World
from workflows.errors import NotConfigured, PreconditionGone
from workflows.models.index import IndexAdvice, QueryTally
from workflows.models.outcome import Outcome, OutcomeStatus, Touched
from workflows.models.target import Database, Target
from workflows.ports import activities as ports
from workflows.ports.requests import CreateIndexRequest, QueryLook

TABLE = "parcels_of_tests"
ROWS = 300_000
COST_WITH_INDEX = 8.5
SECONDS_WITH_INDEX = 0.002


class FakeIndexes(ports.Indexes):
    """An index ends what lacks it: whoever runs the slow query gets its answer."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def try_login(self, database: Database) -> None:
        """Whether there is one at all."""
        if database.index_dsn is None:
            raise NotConfigured("database.index_dsn names no login")

    @activity.defn
    @override
    async def advise_index(self, look: QueryLook) -> IndexAdvice:
        async with self.world.scene("advise_index") as at:
            _require_login(look.target)
            state = self.world.state(at)
            advice = state.advice
            if advice is None or advice.query_id != look.query_id or advice.name in state.indexes:
                raise PreconditionGone(f"no index is known that query {look.query_id} lacks")
            if not any(_runs(each, look) for each in state.backends):
                raise PreconditionGone(
                    f"no index is known that query {look.query_id} lacks: nobody runs it now"
                )
            return advice

    @activity.defn
    @override
    async def create_index(self, request: CreateIndexRequest) -> Outcome:
        async with self.world.scene("create_index") as at:
            _require_login(request.target)
            act, state = request.act, self.world.state(at)
            if state.advice and state.advice.in_the_way:
                raise PreconditionGone("its creation would wait for others")
            if act.name in state.invalid:
                raise PreconditionGone(f"{act.name} is there already and INVALID")
            is_new = act.name not in state.indexes
            what = f"index {act.name} on {act.namespace}.{act.table}"
            if activity.in_activity():
                activity.heartbeat((Touched(what=what, changed=True, result="being created"),))
            try:
                await self.world.step("build", at)
            except asyncio.CancelledError:
                left = Touched(what=what, changed=False, result="not created")
                return Outcome(status=OutcomeStatus.NOTHING, touched=(left,), detail=given_up())
            if is_new:
                self.world.record(at, _create(act.name, act.query_id), Act(at, "index", act.name))
            result = "created, valid" if is_new else "there already, valid"
            return Outcome(
                status=OutcomeStatus.DONE if is_new else OutcomeStatus.NOTHING,
                touched=(Touched(what=what, changed=is_new, result=result),),
                detail=f"to take it back: {act.undo}",
            )

    @activity.defn
    @override
    async def measure_query(self, look: QueryLook) -> QueryTally:
        async with self.world.scene("measure_query") as at:
            _require_login(look.target)
            state = self.world.state(at)
            since = (at - self.world.opened).total_seconds()
            calls = SLOW_STATEMENT.calls + int(10 * since)
            cost = COST_WITH_INDEX if state.indexes or state.advice is None else state.advice.cost
            return QueryTally(
                query_id=look.query_id,
                calls=calls,
                total_seconds=SLOW_STATEMENT.calls * SLOW_STATEMENT.mean_seconds
                + SECONDS_WITH_INDEX * int(10 * since),
                cost=cost,
                running=state.old_calls,
            )


def _runs(session: Backend, look: QueryLook) -> bool:
    return session.state == "active" and session.query_id == look.query_id


def _require_login(target: Target) -> None:
    if target.database.index_dsn is None:
        raise NotConfigured("database.index_dsn names no login")


def _create(name: str, query_id: int) -> Change:
    def apply(state: State, _at: datetime) -> State:
        apps = {
            key: replace(app, leaked=tuple(each for each in app.leaked if each.query_id != query_id))
            for key, app in state.apps.items()
        }
        return replace(state, apps=apps, indexes=(*state.indexes, name))

    return apply


def advice(**changes: object) -> IndexAdvice:
    """What the fake knows."""
    fields = {
        "query_id": SLOW_QUERY,
        "namespace": "public",
        "table": TABLE,
        "columns": ("receiver",),
        "name": f"poolmedic_{TABLE}_receiver",
        "rows": ROWS,
        "rows_per_lookup": 60,
        "table_bytes": 20_000_000,
        "cost": 5000.0,
        **changes,
    }
    return IndexAdvice.model_validate(fields)
