"""Whether a proposal stays within its option's limits and touches only the target's own."""

from collections.abc import Iterable

from workflows.blocking import queue_in, statement_of
from workflows.models.diagnosis import Cause
from workflows.models.evidence import DatabaseReading, Evidence, PoolState
from workflows.models.plan import (
    Cancellation,
    IndexCreation,
    Proposal,
    Resize,
    Restart,
    SessionTimeout,
    Termination,
)
from workflows.models.policy import Permission, Policy
from workflows.models.reading import Known, Unavailable, value_of
from workflows.models.session import Session, SessionIdentity, StatementIdentity
from workflows.models.target import Target
from workflows.ownership import at_stake, cancellable, is_of_role, is_own, leakable
from workflows.processors import excess_of_processors
from workflows.readings import fresh, pools_of
from workflows.remedies.resize import largest
from workflows.remedies.session_timeout import SHORTEST
from workflows.remedies.slow_query import has_to_be_asked_for
from workflows.remedies.termination import most_at_once
from workflows.slots import fits, ours, room
from workflows.wording import counted, listed, span


def excess(proposal: Proposal, evidence: Evidence, target: Target, policy: Policy) -> str | None:
    """In what the act goes further than it may, by the evidence it rests on; None if in nothing."""
    act = proposal.act
    database = fresh(evidence.database, evidence.at, policy.thresholds.fresh_for)
    if isinstance(act, IndexCreation):
        return _excess_of_index(proposal, act, evidence, target, policy)
    if isinstance(act, Restart):
        return _excess_of_restart(proposal, act, value_of(database), target)
    if isinstance(database, Unavailable):
        return f"the database could not be read: {database.reason}"
    if isinstance(act, Termination):
        return _excess_of_termination(proposal, act.sessions, database.value, target, policy)
    if isinstance(act, Cancellation) and proposal.cause is Cause.SLOW:
        return _excess_of_slow(proposal, act, database.value, target, policy)
    if isinstance(act, Cancellation):
        return _excess_of_cancellation(proposal, act.statements, database.value, target, policy)
    if isinstance(act, SessionTimeout):
        return _excess_of_timeout(proposal, act, database.value, target, policy)
    return _excess_of_resize(act, evidence, database.value, target, policy)


def _excess_of_restart(
    proposal: Proposal, act: Restart, database: DatabaseReading | None, target: Target
) -> str | None:
    known = {instance.name: instance.container for instance in target.instances}
    if known.get(act.instance) != act.container:
        return f"{act.container} is not the container of {act.instance} in the configuration"
    if proposal.permission is Permission.APPROVAL:
        return None
    if database is None:
        return "whether it ends work that would be lost could not be read, which needs approval"
    if lost := at_stake(database.sessions, target):
        return f"have written or hold an advisory lock, which needs approval: {listed(lost)}"
    return None


def _excess_of_termination(
    proposal: Proposal,
    sessions: tuple[SessionIdentity, ...],
    database: DatabaseReading,
    target: Target,
    policy: Policy,
) -> str | None:
    if target.database.transaction_pooler:
        return "behind a transaction pooler no session is ended by its pid"
    most = most_at_once(policy.limits, database.sessions_total)
    if not 0 < len(set(sessions)) == len(sessions) <= most:
        return f"{counted(len(sessions), 'session')} to end, the policy allows {most} different ones at once"
    is_slow = proposal.cause is Cause.SLOW
    seen = _running(database, target) if is_slow else leakable(database.sessions, target)
    if strange := [identity for identity in sessions if identity not in seen]:
        state = "running a statement" if is_slow else "idle in transaction"
        return f"not seen as the target's own and {state}: {listed(strange)}"
    asks = has_to_be_asked_for if is_slow else _loses_something
    losing = [identity for identity in sessions if asks(seen[identity])]
    if losing and proposal.permission is not Permission.APPROVAL:
        return f"have written or hold an advisory lock, which needs approval: {listed(losing)}"
    if proposal.cause is Cause.LOCK and not _are_waited_for(sessions, database, target):
        return f"nobody of the application waits behind it any more: {listed(sessions)}"
    return None


def _excess_of_timeout(
    proposal: Proposal, act: SessionTimeout, database: DatabaseReading, target: Target, policy: Policy
) -> str | None:
    if (act.role, act.dbname) != (target.database.role, target.database.dbname):
        return f"{act.role} in {act.dbname} is not the application's own role and database"
    if act.timeout < SHORTEST:
        return f"{span(act.timeout)} would end work that only pauses; the least is {span(SHORTEST)}"
    if act.before != database.server.session_timeout:
        return f"another timeout is set than was seen: {database.server.session_timeout or 'nothing'}"
    if proposal.permission is not Permission.APPROVAL:
        return "a timeout that outlasts the incident is set by approval only"
    return _excess_of_termination(proposal, act.sessions, database, target, policy)


def _running(database: DatabaseReading, target: Target) -> dict[SessionIdentity, Session]:
    return {each.identity: each for each in cancellable(database.sessions, target).values()}


def _loses_something(session: Session) -> bool:
    return session.loses_something


def _are_waited_for(sessions: Iterable[SessionIdentity], database: DatabaseReading, target: Target) -> bool:
    queue = queue_in(database, target)
    return all(queue.behind[session.pid] for session in sessions)


def _excess_of_cancellation(
    proposal: Proposal,
    statements: tuple[StatementIdentity, ...],
    database: DatabaseReading,
    target: Target,
    policy: Policy,
) -> str | None:
    if target.database.transaction_pooler:
        return "behind a transaction pooler no statement is cancelled by its session's pid"
    most = policy.limits.sessions_per_act
    if not 0 < len(set(statements)) == len(statements) <= most:
        return f"{counted(len(statements), 'statement')} to cancel, the policy allows {most} different ones"
    queue = queue_in(database, target)
    seen = {statement_of(queue.blockers[pid]) for pid in queue.changes}
    if strange := [each for each in statements if each not in seen or not is_of_role(each, target)]:
        return f"not seen as waiting to change a table, for the application's role: {listed(strange)}"
    if proposal.permission is not Permission.APPROVAL:
        return f"a change of a table is cancelled by approval only: {listed(statements)}"
    if not _are_waited_for(statements, database, target):
        return f"nobody of the application waits behind it any more: {listed(statements)}"
    return None


def _excess_of_slow(
    proposal: Proposal, act: Cancellation, database: DatabaseReading, target: Target, policy: Policy
) -> str | None:
    """What has come to its end since it was named harms nobody: only the very statement is cancelled."""
    if target.database.transaction_pooler:
        return "behind a transaction pooler no statement is cancelled by its session's pid"
    most = most_at_once(policy.limits, database.sessions_total)
    if not 0 < len(set(act.statements)) == len(act.statements) <= most:
        return (
            f"{counted(len(act.statements), 'statement')} to cancel, the policy allows {most} different ones"
        )
    if strange := [each for each in act.statements if not is_own(each, target)]:
        return f"not the target's own: {listed(strange)}"
    seen = cancellable(database.sessions, target)
    left = [seen[each] for each in act.statements if each in seen and seen[each].query_id == act.query_id]
    if not left:
        return f"none of them is seen any more running query {act.query_id}"
    asked = [each.identity for each in left if has_to_be_asked_for(each)]
    if asked and proposal.permission is not Permission.APPROVAL:
        return f"not known to be queries that only read, which needs approval: {listed(asked)}"
    return None


def _excess_of_index(
    proposal: Proposal, act: IndexCreation, evidence: Evidence, target: Target, policy: Policy
) -> str | None:
    advice = value_of(evidence.index) if evidence.index else None
    if proposal.permission is not Permission.APPROVAL:
        return "an index is created by approval only"
    if target.database.index_dsn is None:
        return "the configuration names no login that may create an index"
    if advice is None or advice.in_the_way:
        return "no plan was read that lacks it, or others would have to be waited for"
    seen = (advice.query_id, advice.namespace, advice.table, advice.columns, advice.name)
    if seen != (act.query_id, act.namespace, act.table, act.columns, act.name):
        return f"it is not the index that was found: {act.statement}"
    return "it may take longer than the policy allows" if act.limit > policy.limits.index_time else None


def _excess_of_resize(
    act: Resize, evidence: Evidence, database: DatabaseReading, target: Target, policy: Policy
) -> str | None:
    configured = {instance.name: instance for instance in target.instances}
    if not act.sizes or set(act.sizes) - set(configured) or set(act.baseline) != set(act.sizes):
        return f"sizes for {listed(act.sizes)}, configured are {listed(configured)}"
    if wrong := [name for name, size in act.baseline.items() if size != configured[name].pool_size]:
        return f"it would be reverted to another size than the configured one: {listed(wrong)}"
    factor = policy.limits.resize_factor
    if large := [name for name, size in act.sizes.items() if size > largest(configured[name], factor)]:
        return f"more than {factor:g} times the configured size: {listed(large)}"
    if unknown := _unexpected(evidence, policy):
        return (
            f"in the metrics and not in the configuration, so their pools are not counted: {listed(unknown)}"
        )
    return _excess_of_server(act, database, target, ours(target, _known(evidence, target, policy)))


def _excess_of_server(
    act: Resize, database: DatabaseReading, target: Target, maxima: dict[str, int]
) -> str | None:
    if not fits(database, target, maxima, act.sizes):
        total = sum((maxima | act.sizes).values())
        return f"{total} connections do not fit into the server's free slots"
    return excess_of_processors(target, maxima, act.sizes)


def room_left(act: Resize, evidence: Evidence, target: Target, policy: Policy) -> int:
    """Slots that nobody needs once the pools have these sizes; none where the database is not known."""
    database = value_of(evidence.database)
    maxima = ours(target, _known(evidence, target, policy))
    return room(database, target, maxima, act.sizes) if database else 0


def _unexpected(evidence: Evidence, policy: Policy) -> tuple[str, ...]:
    metrics = fresh(evidence.metrics, evidence.at, policy.thresholds.fresh_for)
    return metrics.value.unexpected if isinstance(metrics, Known) else ()


def _known(evidence: Evidence, target: Target, policy: Policy) -> dict[str, PoolState]:
    readings = pools_of(evidence, target, policy)
    return {name: pool.value for name, pool in readings.items() if isinstance(pool, Known)}
