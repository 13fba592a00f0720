"""What a new index changed for the query that lacked it: its plan, and the time of its calls since."""

from temporalio import workflow

from workflows.effects import Effects
from workflows.models.index import QueryTally
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import Act, IndexCreation
from workflows.models.reading import Unavailable, value_of
from workflows.record import Record
from workflows.wording import counted, span


class Gain:
    """Measured after the creation, and again at the end of the clear window; nothing for other acts."""

    def __init__(self, record: Record, effects: Effects) -> None:
        self._record = record
        self._effects = effects
        self._tally: QueryTally | None = None
        self._before: tuple[float, float] | None = None

    def remember(self, act: Act) -> None:
        """The plan's cost and the mean of the calls so far, as they are before this index is created."""
        if not isinstance(act, IndexCreation):
            return
        self._before = None
        evidence = self._record.evidence
        advice = value_of(evidence.index) if evidence and evidence.index else None
        database = value_of(evidence.database) if evidence else None
        if advice is None or database is None:
            return
        shapes = value_of(database.statements) or ()
        means = [shape.mean_seconds for shape in shapes if shape.query_id == advice.query_id]
        self._before = (advice.cost, means[0]) if means else None

    async def weigh(self) -> None:
        """After an act: what the index did to the plan, and the calls so far, to count from."""
        place = self._place()
        if place is None:
            return
        act, is_first = self._act(place), self._tally is None
        age = workflow.now() - self._record.attempts[place].at
        tally = await self._effects.measure_query(act.query_id, age)
        self._tally = value_of(tally) or self._tally
        if isinstance(tally, Unavailable):
            self._say(place, f"what the index changed could not be read: {tally.reason}")
        elif is_first:
            cost = f"{self._before[0]:.0f}" if self._before else "not known"
            said = f"cost {cost} before the index, {tally.value.cost:.0f} with it"
            self._say(place, f"plan of query {act.query_id}: {said}")

    async def conclude(self) -> None:
        """At the end of the clear window: what the calls since then took."""
        place, first = self._place(), self._tally
        if place is None or first is None:
            return
        now = await self._effects.measure_query(first.query_id)
        if isinstance(now, Unavailable):
            self._say(place, f"what query {first.query_id} took since could not be read: {now.reason}")
        else:
            self._say(place, compare(first, now.value, self._before[1] if self._before else None))

    def _place(self) -> int | None:
        """Of the last attempt that created an index."""
        places = [place for place, each in enumerate(self._record.attempts) if _created(each)]
        return places[-1] if places else None

    def _act(self, place: int) -> IndexCreation:
        act = self._record.attempts[place].proposal.act
        if not isinstance(act, IndexCreation):
            raise TypeError("only the creation of an index is weighed")
        return act

    def _say(self, place: int, said: str) -> None:
        self._record.gained(place, said, workflow.now())


def compare(first: QueryTally, now: QueryTally, before: float | None) -> str:
    """What the calls between two tallies took, or why that is not known; `before` is a mean in seconds."""
    query = f"query {first.query_id}"
    calls, seconds = now.calls - first.calls, now.total_seconds - first.total_seconds
    is_reset = None not in (first.began, now.began) and first.began != now.began
    if is_reset or calls < 0 or seconds < 0:
        return f"the server began to count {query} anew meanwhile, so its gain is not known"
    if calls == 0:
        return f"no call of {query} has come to its end since, so its gain is not known"
    since = f"over {counted(calls, 'call')} that ended since the index"
    if first.running:
        since += f", of which up to {min(first.running, calls)} began before it"
    if before is not None:
        over_all = "over all calls since the statistics began, cancelled ones not counted"
        since += f"; before it, {span(before)} {over_all}"
    return f"{query} took {span(seconds / calls)} on average {since}"


def _created(attempt: Attempt) -> bool:
    is_creation = isinstance(attempt.proposal.act, IndexCreation)
    return is_creation and attempt.outcome.status is OutcomeStatus.DONE
