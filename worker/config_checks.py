"""What a configuration must keep besides its types: names that exist, and targets that can be told apart."""

import string
import unicodedata
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from pydantic import TypeAdapter, ValidationError

from worker.config import DEFAULT, LINK_NAMES, TargetEntry
from worker.config_text import Path
from workflows.models.policy import Approval
from workflows.models.target import Url

type Found = tuple[Path, str]

_LABELS_OF_THE_RULES = frozenset({"alertname", "service", "instance", "severity"})
"""Those that an alert of deploy/prometheus bears."""
_URL: TypeAdapter[object] = TypeAdapter(Url)


@dataclass(frozen=True)
class Roster:
    """The targets that are valid by themselves, with their places in the file, and the names they may use."""

    targets: tuple[tuple[int, TargetEntry], ...]
    routes: Mapping[str, frozenset[str]]
    """The names of their secrets, by the route's."""
    secrets: Mapping[str, str]
    """As far as they were looked for and found."""
    policies: frozenset[str]
    approvals: dict[str, Approval]
    """Of the policies that are valid by themselves."""
    profiles: frozenset[str]
    links: dict[str, str]


def check(roster: Roster) -> Iterator[Found]:
    """Every fault that only shows between parts of the file."""
    for place, target in roster.targets:
        yield from _names(("targets", place), target, roster)
        yield from _instances(("targets", place, "instances"), target)
        if "" in target.matchers.values():
            yield (
                ("targets", place, "matchers"),
                "has an empty value; an alert without that label would match",
            )
    for (place, target), (_, earlier) in _pairs(roster):
        yield from _apart(("targets", place), target, earlier)
    yield from _approvals(roster)
    yield from _links(roster.links)


def _pairs(roster: Roster) -> Iterator[tuple[tuple[int, TargetEntry], tuple[int, TargetEntry]]]:
    for earlier, later in combinations(roster.targets, 2):
        yield later, earlier


def _names(path: Path, target: TargetEntry, roster: Roster) -> Iterator[Found]:
    if target.policy not in roster.policies:
        yield (*path, "policy"), f"no policy is called {target.policy}; known: {_listed(roster.policies)}"
    if target.profile not in roster.profiles:
        known = _listed(roster.profiles)
        told = f"no profile is called {target.profile}; known: {known}; docs/profiles.md: how to add one"
        yield (*path, "profile"), told
    for level in ("l1", "l2", "l3"):
        yield from _routes((*path, "routes", level), getattr(target.routes, level), roster)


def _approvals(roster: Roster) -> Iterator[Found]:
    """What a policy says as `default` does is told of `default`."""
    approvers = frozenset(name for each in roster.approvals.values() for name in each.approvers)
    inherited = roster.approvals.get(DEFAULT)
    for policy, approval in roster.approvals.items():
        if approval.people > 1 and (policy == DEFAULT or approval != inherited):
            yield from _spellings(("policies", policy, "approval", "approvers"), approval)
            yield from _own_addresses(("policies", policy, "approval", "routes"), approval, roster)
        for person, routes in approval.routes.items():
            if policy != DEFAULT and inherited and inherited.routes.get(person) == routes:
                continue
            path: Path = ("policies", policy, "approval", "routes", person)
            if person not in approvers:
                yield path, f"no policy names {person} as approver; known: {_listed(approvers)}"
            yield from _routes(path, routes, roster)
            yield from _own_routes(path, person, approval)


def _own_routes(path: Path, person: str, approval: Approval) -> Iterator[Found]:
    for position, route in enumerate(approval.routes[person]):
        others = [name for name, routes in approval.routes.items() if route in routes]
        if others[0] != person:
            yield (*path, position), f"is a route of {others[0]} too; give each approver one of their own"


def _spellings(path: Path, approval: Approval) -> Iterator[Found]:
    """One name in two forms of Unicode looks like one person, and would be counted as two."""
    for position, name in enumerate(approval.approvers):
        for earlier in approval.approvers[:position]:
            if _folded(name) == _folded(earlier) and name.casefold() != earlier.casefold():
                told = f"is {earlier} in other characters, and would count as another person; write it once"
                yield (*path, position), told


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _own_addresses(path: Path, approval: Approval, roster: Roster) -> Iterator[Found]:
    """Whoever reads what is sent to two approvers would count as both."""
    reached = [
        (person, place, route)
        for person in approval.reached
        for place, route in enumerate(approval.routes[person])
    ]
    for (other, _, theirs), (person, place, route) in combinations(reached, 2):
        if other != person and route != theirs and (same := _same_address(route, theirs, roster)):
            told = f"{route} leads to an address of {other}'s route {theirs} ({same})"
            yield (*path, person, place), f"{told}; two people have to approve, so give each their own"


def _same_address(route: str, other: str, roster: Roster) -> str | None:
    """The secrets, by name, that make two routes reach the same people."""
    for mine in sorted(roster.routes.get(route, ())):
        for theirs in sorted(roster.routes.get(other, ())):
            known = roster.secrets.get(mine)
            if mine == theirs:
                return mine
            if known is not None and known == roster.secrets.get(theirs):
                return f"{mine} and {theirs} hold the same"
    return None


def _routes(path: Path, routes: tuple[str, ...], roster: Roster) -> Iterator[Found]:
    for position, route in enumerate(routes):
        if route not in roster.routes:
            yield (*path, position), f"no route is called {route}; known: {_listed(frozenset(roster.routes))}"


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _instances(path: Path, target: TargetEntry) -> Iterator[Found]:
    described = (("url", "address"), ("container", "container"))
    for field, word in described:
        values = [(place, getattr(instance, field)) for place, instance in enumerate(target.instances)]
        for place, _ in _repeated(values):
            yield (*path, place, field), f"another instance has the same {word}; each is its own process"


def _repeated[V: Hashable](values: list[tuple[int, V | None]]) -> Iterator[tuple[int, V]]:
    seen: set[V] = set()
    for place, value in values:
        if value is not None and value in seen:
            yield place, value
        elif value is not None:
            seen.add(value)


def _apart(path: Path, target: TargetEntry, earlier: TargetEntry) -> Iterator[Found]:
    for rule in _RULES:
        yield from rule(path, target, earlier)


def _own_name(path: Path, target: TargetEntry, earlier: TargetEntry) -> Iterator[Found]:
    if target.name == earlier.name:
        yield (*path, "name"), f"another target is called {target.name}; give each its own name"


def _own_alerts(path: Path, target: TargetEntry, earlier: TargetEntry) -> Iterator[Found]:
    mine, theirs = target.matchers.items(), earlier.matchers.items()
    if mine <= theirs or theirs <= mine:
        both = f"every alert that matches one of {target.name} and {earlier.name} would match the other"
        yield (*path, "matchers"), f"{both}; add a label that tells them apart"


def _own_service(path: Path, target: TargetEntry, earlier: TargetEntry) -> Iterator[Found]:
    """By labels of one's own, alerts come from rules of one's own, which may join by what they like."""
    mine, theirs = target.matchers, earlier.matchers
    are_of_the_rules = mine.keys() | theirs.keys() <= _LABELS_OF_THE_RULES
    is_shared = "service" in mine and mine["service"] == theirs.get("service")
    is_told_apart = not (mine.items() <= theirs.items() or theirs.items() <= mine.items())
    if are_of_the_rules and is_shared and is_told_apart:
        told = (
            f"names the service of {earlier.name} too, and the alert of what nobody has in hand knows no more"
        )
        remedy = "whoever has one in hand would hide the other; give each target its own service"
        yield (*path, "matchers", "service"), f"{told}: {remedy}"


def _own_sessions(path: Path, target: TargetEntry, earlier: TargetEntry) -> Iterator[Found]:
    mine, theirs = target.database, earlier.database
    shared = set(mine.application_names) & set(theirs.application_names)
    if shared and (mine.name, mine.dbname, mine.role) == (theirs.name, theirs.dbname, theirs.role):
        names = ", ".join(sorted(shared))
        same = f"sessions of {earlier.name} have the same role, database and name ({names})"
        yield (
            (*path, "database", "application_names"),
            f"{same}; give each application its own application_name",
        )


def _own_containers(path: Path, target: TargetEntry, earlier: TargetEntry) -> Iterator[Found]:
    taken = {instance.container for instance in earlier.instances if instance.container}
    for place, instance in enumerate(target.instances):
        if instance.container in taken:
            yield (
                (*path, "instances", place, "container"),
                f"{instance.container} is a container of {earlier.name}; a restart would stop both",
            )


def _same_server(path: Path, target: TargetEntry, earlier: TargetEntry) -> Iterator[Found]:
    mine, theirs = target.database, earlier.database
    known = {mine.system_identifier, theirs.system_identifier} - {None}
    if mine.name == theirs.name and len(known) > 1:
        yield (
            (*path, "database", "system_identifier"),
            f"differs from that of {earlier.name}, though both name the server {mine.name}; name two servers",
        )


def _same_processors(path: Path, target: TargetEntry, earlier: TargetEntry) -> Iterator[Found]:
    mine, theirs = target.database, earlier.database
    if mine.name == theirs.name and len({mine.cores, theirs.cores} - {None}) > 1:
        told = f"{earlier.name} says {theirs.cores} of the server {mine.name}; one server has one number"
        yield (*path, "database", "cores"), told


_RULES: tuple[Callable[[Path, TargetEntry, TargetEntry], Iterator[Found]], ...] = (
    _own_name,
    _own_alerts,
    _own_service,
    _own_sessions,
    _own_containers,
    _same_server,
    _same_processors,
)


def _links(links: dict[str, str]) -> Iterator[Found]:
    for name, template in links.items():
        if wrong := _wrong_link(template):
            yield ("links", name), wrong


def _wrong_link(template: str) -> str | None:
    try:
        fields = [part[1:] for part in string.Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        return f"is no template ({error}); write a literal brace twice"
    # A width or a conversion would be obeyed: one number, and an address fills the memory.
    if any(name not in LINK_NAMES or spec or conversion for name, spec, conversion in fields):
        return f"may only contain {', '.join(f'{{{known}}}' for known in sorted(LINK_NAMES))} as here"
    if not template.isprintable() or " " in template:
        return "must be one line without spaces; encode them as %20"
    if not template.startswith(("http://", "https://")):
        return "must begin with http:// or https://"
    return _wrong_address(template.format_map(dict.fromkeys(LINK_NAMES, "x")))


def _wrong_address(address: str) -> str | None:
    try:
        _URL.validate_python(address)
    except ValidationError as error:
        return error.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")
    return None
