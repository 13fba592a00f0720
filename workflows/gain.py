"""What a new index changed for the query that lacked it: its plan, and the time of its calls since."""

from temporalio import workflow

from workflows.effects import Effects
from workflows.models.index import QueryTally
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import IndexCreation
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

    def remember(self) -> None:
        """The plan's cost and the mean of the calls so far, as they are before an index is created."""
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
        tally = await self._effects.measure_query(act.query_id)
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
        now = value_of(await self._effects.measure_query(first.query_id))
        if now is None or now.calls <= first.calls:
            self._say(place, f"query {first.query_id} was not called since, so its gain is not known")
            return
        calls = now.calls - first.calls
        mean = (now.total_seconds - first.total_seconds) / calls
        before = f", {span(self._before[1])} over all of them before it" if self._before else ""
        since = f"over {counted(calls, 'call')} that ended since the index{before}"
        self._say(place, f"query {first.query_id} took {span(mean)} on average {since}")

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


def _created(attempt: Attempt) -> bool:
    is_creation = isinstance(attempt.proposal.act, IndexCreation)
    return is_creation and attempt.outcome.status is OutcomeStatus.DONE
