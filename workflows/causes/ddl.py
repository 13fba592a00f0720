"""A queue behind a statement that waits itself to change a table, as for a long reader in front of it."""

from workflows.blocking import Queue
from workflows.causes.lock import crowded_queue, describe_queue, doubts_of_ownership
from workflows.causes.symptoms import Symptoms
from workflows.front import describe_front
from workflows.models.diagnosis import Cause, Finding
from workflows.wording import listed

_SEEN_TWICE = 0.95
_SEEN_ONCE = 0.85
_JUST_BEGUN = 0.5


def find_ddl_queue(symptoms: Symptoms) -> Finding | str:
    """That most of the waiting sessions stand behind a waiting change of a table, or why it is not so."""
    denial = "No queue behind a change of a table"
    queue = crowded_queue(symptoms, denial, "sessions queue behind a change of a table")
    if isinstance(queue, str):
        return queue
    if len(queue.behind_changes) * 2 <= len(queue.waiting):
        return (
            f"{denial}: {len(queue.behind_changes)} of "
            f"{len(queue.waiting)} that wait for locks stand behind one that waits itself."
        )
    settle = None if _lasts(symptoms, queue) else symptoms.policy.pace.settle
    doubts = doubts_of_ownership(symptoms)
    seen = _JUST_BEGUN if settle is not None else _SEEN_TWICE if symptoms.earlier else _SEEN_ONCE
    return Finding(
        cause=Cause.DDL_QUEUE,
        confidence=min(queue.share, 1.0) * seen,
        reasons=(f"{describe_queue(queue)}.", *_describe_changes(queue), *doubts),
        instances=symptoms.exhausted or symptoms.crowded,
        doubts=doubts,
        ripe_in=settle,
    )


def _lasts(symptoms: Symptoms, queue: Queue) -> bool:
    """A change that waits for a moment is nothing unusual."""
    suspected = symptoms.policy.thresholds.suspect_age.total_seconds()
    ages = [queue.blockers[pid].state_seconds or 0.0 for pid in queue.changes if queue.behind[pid]]
    return any(age > suspected for age in ages)


def _describe_changes(queue: Queue) -> list[str]:
    return [
        f"{len(queue.behind[pid])} of them wait behind {describe_front(queue, pid)}, which waits itself "
        f"behind {listed(describe_front(queue, each) for each in queue.ahead[pid])}."
        for pid in queue.changes
        if queue.behind[pid]
    ]
