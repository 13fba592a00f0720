"""Create the index that a slow query lacks, once a person approves; never alone."""

from workflows.attempts import of_option, of_query, told_to_stop
from workflows.models.diagnosis import Cause, Diagnosis
from workflows.models.index import IndexAdvice
from workflows.models.outcome import Attempt
from workflows.models.plan import Cancellation, IndexCreation, Proposal
from workflows.models.policy import Option
from workflows.models.reading import Unavailable
from workflows.models.target import Target
from workflows.remedies.situation import Situation
from workflows.wording import counted, listed, span

_MEGABYTE = 1_000_000


def query_to_explain(diagnosis: Diagnosis, attempts: tuple[Attempt, ...], target: Target) -> int | None:
    """The slow query whose plan has to be known for the next step: its cancel did not last."""
    finding = diagnosis.first
    before = of_query(attempts, finding.query_id)
    if finding.stage != (Cause.SLOW, True) or target.database.index_dsn is None or not before:
        return None
    last, seen = before[-1].proposal.act, {each.statement for each in finding.sessions}
    is_rest = isinstance(last, Cancellation) and not seen.isdisjoint(last.rest)
    is_deaf = not seen.isdisjoint(told_to_stop(attempts))
    return None if is_rest or is_deaf else finding.query_id


def propose_index(situation: Situation) -> Proposal | str:
    """The index by name, with its statement, or why none is created."""
    if obstacle := _obstacle(situation):
        return f"Create an index: {obstacle}."
    advice = situation.evidence.index
    if advice is None:
        return "Create an index: not before the query was cancelled and came again."
    if isinstance(advice, Unavailable):
        return f"Create an index: {advice.reason}."
    if advice.value.query_id != situation.finding.query_id:
        return "Create an index: the plan that was read is another query's."
    if advice.value.in_the_way:
        return f"Create an index: its creation would wait for others: {'; '.join(advice.value.in_the_way)}."
    act = creation_of(advice.value, situation)
    return situation.propose(
        act, effect=_describe(advice.value, act), risk=_risk(advice.value, act), asks=True
    )


def creation_of(advice: IndexAdvice, situation: Situation) -> IndexCreation:
    """The act that does what was advised."""
    return IndexCreation(
        query_id=advice.query_id,
        namespace=advice.namespace,
        table=advice.table,
        columns=advice.columns,
        name=advice.name,
        limit=situation.policy.limits.index_time,
    )


def _obstacle(situation: Situation) -> str | None:
    if situation.is_forbidden(Option.INDEX):
        return "the policy never allows it"
    if lacking := situation.lacking(Option.INDEX):
        return lacking
    return situation.exhaustion(of_option(situation.attempts, Option.INDEX))


def _describe(advice: IndexAdvice, act: IndexCreation) -> str:
    return (
        f"{act.statement}, for query {advice.query_id}. Its plan for any parameters (cost {advice.cost:.0f}) "
        f"reads all of about {counted(advice.rows, 'row')} for one value, which has about "
        f"{advice.rows_per_lookup}. Readers and writers go on meanwhile; after {span(act.limit)} it is given "
        f"up. To take it back: {act.undo}."
    )


def _risk(advice: IndexAdvice, act: IndexCreation) -> str:
    return (
        f"It reads {advice.namespace}.{advice.table} ({advice.table_bytes / _MEGABYTE:.0f} MB) twice and "
        "takes disk, of which nobody here knows how much is free; every write to the table costs a little "
        f"more from then on. {_describe_length(advice)}It waits for transactions that are older, "
        f"{span(act.limit)} at most."
    )


def _describe_length(advice: IndexAdvice) -> str:
    if not advice.unbounded:
        return ""
    return (
        f"A row whose {listed(advice.unbounded)} takes more than about 2.7 kB could not be written any more. "
    )
