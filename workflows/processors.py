"""The database server's processors, as far as the configuration says how many there are. Pure.

PostgreSQL shows no wait event of a backend that runs, nor of one that wants to and gets no processor, so a
server that is short of them is seen by how many run at once.
"""

from workflows.contention import RUNNING
from workflows.models.evidence import DatabaseReading
from workflows.models.reading import value_of
from workflows.models.target import Target
from workflows.wording import counted

AT_WORK = 2
"""Times the processors: of more statements at work than that, those beyond only wait for each other."""


def describe_shortage(database: DatabaseReading, target: Target) -> str | None:
    """That others alone keep every processor busy; None where they do not, or where it is not known.

    Own sessions do not count: what only they run is no reason to call the server slow for everybody.
    """
    cores, others = target.database.cores, _of_others(database)
    if cores is None or others is None or (running := others.get(RUNNING, 0)) < cores:
        return None
    return (
        f"Others run {counted(running, 'statement')} on the whole server that wait for nothing, and it has "
        f"{counted(cores, 'processor')}: none is left for those of the application."
    )


def spare_of_processors(database: DatabaseReading, target: Target, maxima: dict[str, int]) -> int | None:
    """By how much every instance's pool may grow before more is at work than helps; None for any number.

    All of the pools may be at work at once, beside what others have at work now. Where that could not be
    read, nothing is spare.
    """
    if target.database.cores is None:
        return None
    others = _of_others(database)
    if others is None:
        return 0
    room = AT_WORK * target.database.cores - sum(others.values()) - sum(maxima.values())
    return max(room // len(target.instances), 0)


def excess_of_processors(target: Target, maxima: dict[str, int], sizes: dict[str, int]) -> str | None:
    """Why pools of these sizes, in place of `maxima`, are too much for the processors; None if they are not.

    Without what others have at work: that is another number at every look, and who has approved a size
    would be refused for it.
    """
    cores, wanted = target.database.cores, sum((maxima | sizes).values())
    if cores is None or wanted <= AT_WORK * cores:
        return None
    return (
        f"{wanted} connections may have more at work at once than {AT_WORK} times "
        f"{counted(cores, 'processor')}"
    )


def describe_bound(target: Target) -> str:
    """For how many statements of everybody the processors are enough, after a comma; nothing if not known."""
    if (cores := target.database.cores) is None:
        return ""
    return (
        f", and {counted(cores, 'processor')} for {AT_WORK * cores} statements of everybody at work at once"
    )


def describe_processors(database: DatabaseReading, target: Target, maxima: dict[str, int]) -> str | None:
    """The numbers behind `spare_of_processors`; None where there is no bound."""
    cores, others = target.database.cores, _of_others(database)
    if cores is None:
        return None
    at_work = (
        "what others have at work could not be read"
        if others is None
        else f"others have {sum(others.values())} at work now"
    )
    return (
        f"{AT_WORK * cores} statements at work at once for {counted(cores, 'processor')}, {at_work}, our "
        f"pools may open {sum(maxima.values())}"
    )


def _of_others(database: DatabaseReading) -> dict[str, int] | None:
    pressure = value_of(database.pressure)
    return pressure.others if pressure else None
