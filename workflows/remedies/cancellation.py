"""Cancel the change of a table that waits in front of the application; never the reader before it."""

from workflows.attempts import of_option, told_to_stop
from workflows.blocking import Queue, queue_in, statement_of
from workflows.front import describe_front
from workflows.models.plan import Cancellation, Proposal
from workflows.models.policy import Option
from workflows.ownership import is_of_role
from workflows.remedies.situation import Situation
from workflows.wording import counted, listed


def propose_cancellation(situation: Situation) -> Proposal | str:
    """The waiting changes that the application waits behind, by approval; or why none is cancelled."""
    if obstacle := obstacle_to_cancel(situation):
        return f"Cancel the change of a table: {obstacle}."
    queue = _queue(situation)
    changes = [pid for pid in queue.changes if queue.behind[pid]]
    found = {pid: statement_of(queue.blockers[pid]) for pid in changes}
    statements = {pid: each for pid, each in found.items() if each and is_of_role(each, situation.target)}
    if foreign := [pid for pid in changes if pid not in statements]:
        return f"Cancel the change of a table: {_whose(situation, queue, foreign)}."
    most = situation.policy.limits.sessions_per_act
    if not 0 < len(statements) <= most:
        return f"Cancel the change of a table: {len(statements)} wait, and the policy allows {most} at once."
    if told_to_stop(situation.attempts).intersection(statements.values()):
        return "Cancel the change of a table: it was told to stop before, and runs on all the same."
    return situation.propose(
        Cancellation(statements=tuple(dict.fromkeys(statements.values())), waiting_only=True),
        effect=_describe(queue, changes),
        risk=_risk(queue, changes),
        asks=True,
    )


def _queue(situation: Situation) -> Queue:
    if situation.database is None:
        return Queue(working=0, waiting=frozenset(), own={}, blockers={})
    return queue_in(situation.database, situation.target)


def obstacle_to_cancel(situation: Situation) -> str | None:
    """Why no statement at all may be cancelled now."""
    if situation.is_forbidden(Option.CANCEL):
        return "the policy never allows it"
    if lacking := situation.lacking(Option.CANCEL):
        return lacking
    if situation.database is None:
        return "the sessions could not be read"
    return situation.exhaustion(of_option(situation.attempts, Option.CANCEL))


def _whose(situation: Situation, queue: Queue, foreign: list[int]) -> str:
    """Who has to be asked for it, with the pid that they need."""
    said = listed(describe_front(queue, pid) for pid in foreign)
    return (
        f"it is not run by {situation.target.database.role} in {situation.target.database.dbname}, so "
        f"whoever runs it must cancel it, or an administrator by SELECT pg_cancel_backend(pid): {said}"
    )


def _describe(queue: Queue, changes: list[int]) -> str:
    behind = frozenset[int]().union(*(queue.behind[pid] for pid in changes))
    readers = dict.fromkeys(each for pid in changes for each in queue.ahead[pid] if each not in changes)
    return (
        f"Cancel {counted(len(changes), 'statement')}, only while it is the very one that was seen, and "
        f"waits: {listed(describe_front(queue, pid) for pid in changes)}. "
        f"{counted(len(behind), 'session')} of the application wait behind it. Left alone in front of it: "
        f"{listed(describe_front(queue, pid) for pid in readers) or 'nobody'}."
    )


def _risk(queue: Queue, changes: list[int]) -> str:
    written = [pid for pid in changes if queue.blockers[pid].has_written]
    lost = f" What {listed(written)} (pid) changed before in the same transaction is lost." if written else ""
    return (
        "The change of the table fails, and whoever runs it must run it again: at a quiet time, or with a "
        f"short lock_timeout.{lost}"
    )
