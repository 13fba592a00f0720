"""A lock queue: sessions wait behind one that is forgotten in a transaction, or behind somebody else."""

from datetime import timedelta

from workflows.blocking import Queue, queue_in
from workflows.causes.ages import leak_age
from workflows.causes.dismissals import no_pool, untold
from workflows.causes.leak import certain, ripens_in
from workflows.causes.symptoms import Symptoms
from workflows.contention import LOCK_SHARE
from workflows.front import describe_front, why_left_alone
from workflows.models.diagnosis import Cause, Finding
from workflows.models.reading import Unavailable
from workflows.models.session import Session
from workflows.ownership import leakable
from workflows.wording import counted, listed, percent, span

_SEEN_TWICE = 0.95
_SEEN_ONCE = 0.85
_SUSPECTED = 0.5
_MOST_TOLD = 3


def find_lock(symptoms: Symptoms) -> Finding | str:
    """Whom most of those that wait stand behind, and whether that one is forgotten; or why it is none."""
    queue = crowded_queue(symptoms, "No lock queue", "sessions queue behind a lock")
    if isinstance(queue, str):
        return queue
    waiting = len(queue.waiting - queue.behind_changes)
    if waiting * 2 < len(queue.waiting):
        return "No lock queue: most wait behind a statement that waits itself to change a table."
    root = _root(symptoms, queue, waiting)
    if root is None:
        return _finding(symptoms, queue, reasons=_why_people(symptoms, queue))
    is_certain = root.identity in certain({root.identity: root}, symptoms)
    return _finding(
        symptoms,
        queue,
        reasons=(_why_forgotten(symptoms),),
        sessions=(root,) if is_certain else (),
        ripe_in=None if is_certain else ripens_in(root, symptoms),
    )


def crowded_queue(symptoms: Symptoms, denial: str, question: str) -> Queue | str:
    """The queue, where it explains a crowded pool, or in a sentence why it does not."""
    if symptoms.database is None:
        return untold(question, "the sessions could not be read")
    if not (symptoms.exhausted or symptoms.crowded):
        return no_pool(symptoms, denial, question, "is fuller than recovery allows")
    queue = queue_in(symptoms.database, symptoms.target)
    if queue.share < LOCK_SHARE:
        return f"{denial}: {describe_queue(queue)}; one is called from {percent(LOCK_SHARE)}."
    return queue


def describe_queue(queue: Queue) -> str:
    """How many wait, in a clause."""
    waiting, share = counted(len(queue.waiting), "working session"), percent(queue.share)
    return f"{waiting} of {queue.working} ({share}) wait for locks"


def _root(symptoms: Symptoms, queue: Queue, waiting: int) -> Session | None:
    """The own session, idle in a transaction for long, that alone holds up at least half of those waiting."""
    if symptoms.database is None or isinstance(symptoms.database.blockers, Unavailable):
        return None
    candidates = leakable(symptoms.database.sessions, symptoms.target)
    idle = {identity.pid: session for identity, session in candidates.items()}
    long = [pid for pid in queue.fronts if pid in idle and _is_idle_for_long(idle[pid], symptoms)]
    most = max(long, key=lambda pid: len(queue.behind_alone(pid)), default=None)
    if most is None or len(queue.behind_alone(most)) * 2 < waiting:
        return None
    return idle[most]


def _is_idle_for_long(session: Session, symptoms: Symptoms) -> bool:
    is_certain = session.identity in certain({session.identity: session}, symptoms)
    return is_certain or ripens_in(session, symptoms) is not None


def _finding(
    symptoms: Symptoms,
    queue: Queue,
    reasons: tuple[str, ...],
    sessions: tuple[Session, ...] = (),
    ripe_in: timedelta | None = None,
) -> Finding:
    doubts = doubts_of_ownership(symptoms)
    seen = _SUSPECTED if ripe_in is not None else _SEEN_TWICE if symptoms.earlier else _SEEN_ONCE
    return Finding(
        cause=Cause.LOCK,
        confidence=min(queue.share, 1.0) * seen,
        reasons=(f"{describe_queue(queue)}.", *describe_fronts(queue), *reasons, *doubts),
        instances=symptoms.exhausted or symptoms.crowded,
        sessions=sessions,
        doubts=doubts,
        ripe_in=ripe_in,
    )


def describe_fronts(queue: Queue) -> list[str]:
    """Who stands in front and how many wait behind each, a sentence each."""
    return [
        f"{len(queue.behind[pid])} of them wait behind {describe_front(queue, pid)}, "
        f"{sum(pid in queue.ahead[waiting] for waiting in queue.behind[pid])} of these directly."
        for pid in queue.fronts[:_MOST_TOLD]
        if queue.behind[pid]
    ]


def doubts_of_ownership(symptoms: Symptoms) -> tuple[str, ...]:
    """Whose the sessions are, where instances are there that the configuration does not know."""
    if not symptoms.unexpected:
        return ()
    names = listed(symptoms.unexpected)
    strange = f"Not in the configuration, though in the metrics: {names}."
    return (f"{strange} Sessions may belong there, so a person decides.",)


def _why_forgotten(symptoms: Symptoms) -> str:
    looks = "in two looks" if symptoms.earlier else "by the server's own record, in one look"
    return f"Forgotten means idle in a transaction for more than {span(leak_age(symptoms))}, {looks}."


def _why_people(symptoms: Symptoms, queue: Queue) -> tuple[str, ...]:
    blockers = symptoms.database.blockers if symptoms.database else None
    if isinstance(blockers, Unavailable):
        return (f"Who stands in front of them could not be read in full: {blockers.reason}.",)
    told = [why_left_alone(queue, pid, symptoms.target) for pid in queue.fronts[:_MOST_TOLD]]
    return tuple(dict.fromkeys(told)) or ("Nobody stands in front of them: they wait in a circle.",)
