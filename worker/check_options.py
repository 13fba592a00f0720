"""What `poolmedic check` says of options: those that an incident has, and those that its plans leave out."""

from collections.abc import Iterable, Iterator

from worker.findings import Finding, Weight
from workflows.means import lacking_for
from workflows.models.evidence import ContainersReading, DatabaseReading
from workflows.models.policy import Option, Permission
from workflows.models.target import Target
from workflows.ports.requests import Look
from workflows.wording import listed

_IN_CONTAINERS = (Option.RESTART, Option.RESIZE)


def check_options(look: Look, readings: Iterable[object]) -> Iterator[Finding]:
    """Those that the policy wants; what hangs on a source that was not read is not told."""
    found = list(readings)
    server = next((each.server for each in found if isinstance(each, DatabaseReading)), None)
    containers = next((each for each in found if isinstance(each, ContainersReading)), None)
    barred = containers.barred if containers else {}
    where, offered = f"{look.target.name} options", list[Option]()
    for option in Option:
        source = containers if option in _IN_CONTAINERS else server
        if source is None or look.policy.permission(option) is Permission.NEVER:
            continue
        bare = without_container(look.target) if option in _IN_CONTAINERS else []
        reason = lacking_for(option, look.target, server, barred) or _why_nowhere(bare, look.target)
        if reason is None:
            offered.append(option)
        if reason is None and bare:
            told = f"left out for {listed(bare)}: no container in the configuration"
            yield Finding(f"{where} {option}", Weight.NOTE, told)
        elif reason and not _is_told_of_database(option, look.target):
            yield Finding(f"{where} {option}", Weight.NOTE, f"left out of every plan: {reason}")
    if offered:
        yield Finding(where, told=f"can be done: {listed(offered)}")


def without_container(target: Target) -> list[str]:
    """Instances of which the configuration names none."""
    return [instance.name for instance in target.instances if instance.container is None]


def _why_nowhere(bare: list[str], target: Target) -> str | None:
    is_nowhere = len(bare) == len(target.instances)
    return "no instance has a container in the configuration" if is_nowhere else None


def _is_told_of_database(option: Option, target: Target) -> bool:
    """A right or a login that is missing is told there, with its remedy."""
    if option in _IN_CONTAINERS:
        return False
    return option is Option.INDEX or lacking_for(option, target, None, {}) is None
