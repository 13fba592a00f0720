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
from workflows.wording import listed

_NOT_ASKED = Unavailable(reason="it was not asked")


async def look_for_survivors(record: Record, effects: Effects) -> None:
    """After the last act, if it restarted a container; a pooler's sessions outlive every restart."""
    attempt, target = record.attempts[-1], record.case.target
    act, since = attempt.proposal.act, attempt.outcome.restarted_at
    if not isinstance(act, Restart) or since is None or target.database.transaction_pooler:
        return
    if not patches.survivors_are_told():
        return
    database = await effects.read_database()
    pages = await effects.look() if len(target.instances) > 1 else None
    if said := describe_survivors(database, pages, target, act.instance, since):
        record.gained(len(record.attempts) - 1, said, workflow.now())


def describe_survivors(
    database: Known[DatabaseReading] | Unavailable,
    pages: Known[ApplicationReading] | Unavailable | None,
    target: Target,
    instance: str,
    since: Moment,
) -> str | None:
    """Own sessions older than the instance's new start; None where it need not have left any.

    Nothing in a session says which instance has it: with several, only their number does. `pages`, None with
    one instance, shows what the others count.
    """
    if isinstance(database, Unavailable):
        return f"whether sessions outlived it could not be read: {database.reason}"
    old = _older(database.value, target, since)
    if not old:
        return None
    least, pids = "at least " if database.value.is_cut else "", f"pids {listed(old)}"
    number, verb = f"{least}{len(old)} own session", " is" if len(old) == 1 else "s are"
    told = f"{number}{verb} older than the new start of {instance} and still there ({pids})"
    if pages is None:
        return f"{told}: what outlived it, or only has its application's name; nobody touched them"
    others = _count_of_others(pages, target, instance)
    if isinstance(others, Unavailable):
        return f"{told}; whether any outlived it cannot be told: {others.reason}"
    if len(old) <= others:
        return None
    return (
        f"{told}, {len(old) - others} more than the other instances count in their pools ({others}): so many "
        "may have outlived it, which of them cannot be told; nobody touched them"
    )


def _older(database: DatabaseReading, target: Target, since: Moment) -> list[int]:
    own = (each.identity for each in database.sessions if is_own(each.identity, target))
    return sorted({identity.pid for identity in own if identity.backend_start < since})


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
