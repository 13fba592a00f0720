"""Sessions that outlived the restart of the application that had them: told, and ended by nobody.

A server notices that a client is gone when it next speaks to it: a statement that runs on, or a host that
fell silent, keeps slots and locks of a process that is no more.
"""

from temporalio import workflow

from workflows import patches
from workflows.effects import Effects
from workflows.models.base import Moment
from workflows.models.evidence import ApplicationReading, DatabaseReading
from workflows.models.plan import Restart
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Target
from workflows.ownership import is_own
from workflows.record import Record
from workflows.wording import counted, listed

_NOT_ASKED = Unavailable(reason="it was not asked")
_UNTOLD = "whether any session outlived it cannot be told"


async def look_for_survivors(record: Record, effects: Effects) -> None:
    """After the last act, if it restarted a container; a pooler's sessions outlive every restart."""
    attempt, target = record.attempts[-1], record.case.target
    act, is_started = attempt.proposal.act, attempt.outcome.restarted_at is not None
    if not isinstance(act, Restart) or not is_started or target.database.transaction_pooler:
        return
    if not patches.survivors_are_told():
        return
    before = record.evidence.database if record.evidence else _NOT_ASKED
    after = await effects.read_database()
    pages = await effects.look() if len(target.instances) > 1 else None
    if said := describe_survivors(before, after, pages, target, act.instance):
        record.gained(len(record.attempts) - 1, said, workflow.now())


def describe_survivors(
    before: Known[DatabaseReading] | Unavailable,
    after: Known[DatabaseReading] | Unavailable,
    pages: Known[ApplicationReading] | Unavailable | None,
    target: Target,
    instance: str,
) -> str | None:
    """Own sessions of both readings, before the restart and after it; None where it need not have left any.

    They are compared by identity alone: the engine's clock and the server's need not agree on what is older.
    Nothing in a session says which instance has it: with several, only their number does. `pages`, None with
    one instance, shows what the others count.
    """
    if isinstance(after, Unavailable):
        return f"whether sessions outlived it could not be read: {after.reason}"
    now = _own(after.value, target)
    if not now:
        return None
    if isinstance(before, Unavailable):
        return f"{_UNTOLD}: before it, {before.reason}"
    old = sorted(now & _own(before.value, target))
    is_cut = before.value.is_cut or after.value.is_cut
    others = _count_of_others(pages, target, instance) if pages is not None and old else 0
    told = _describe([pid for pid, _ in old], instance, is_cut=is_cut)
    if isinstance(others, Unavailable):
        return f"{told}; {_UNTOLD}: {others.reason}"
    if len(old) <= others:
        return f"{_UNTOLD}: there are more than are listed" if is_cut else None
    if pages is None:
        return f"{told}: what outlived it, or only has its application's name; nobody touched them"
    return (
        f"{told}, {len(old) - others} more than the other instances count in their pools ({others}): so many "
        "may have outlived it, which of them cannot be told; nobody touched them"
    )


def _own(database: DatabaseReading, target: Target) -> set[tuple[int, Moment]]:
    """A pid is given anew once its session is gone, and the new one has another start."""
    own = (each.identity for each in database.sessions if is_own(each.identity, target))
    return {(identity.pid, identity.backend_start) for identity in own}


def _describe(pids: list[int], instance: str, *, is_cut: bool) -> str:
    least, (was, are) = "at least " if is_cut else "", ("was", "is") if len(pids) == 1 else ("were", "are")
    number = counted(len(pids), "own session")
    return (
        f"{least}{number} {was} there before the restart of {instance} and still {are} (pids {listed(pids)})"
    )


def _count_of_others(
    pages: Known[ApplicationReading] | Unavailable, target: Target, instance: str
) -> int | Unavailable:
    """Open connections of the other instances' pools."""
    if isinstance(pages, Unavailable):
        return pages
    total = 0
    for name in (each.name for each in target.instances if each.name != instance):
        page = pages.value.instances.get(name, _NOT_ASKED)
        pool = page.value.pool if isinstance(page, Known) else page
        if isinstance(pool, Unavailable):
            return Unavailable(reason=f"{name}: {pool.reason}")
        total += pool.value.active + pool.value.idle
    return total
