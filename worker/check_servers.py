"""Whether two databases of the configuration are one server, whose acts would know nothing of each other."""

from collections.abc import Iterable, Iterator

from worker.findings import Finding, Weight
from workflows.models.evidence import ServerReading


def check_servers(found: Iterable[tuple[str, ServerReading]]) -> Iterator[Finding]:
    """`found` by the databases' names. A standby has the identifier of its primary, and began by itself."""
    names = dict[tuple[str, object], str]()
    told = set[str]()
    for name, server in found:
        if server.system_identifier is None:
            continue
        first = names.setdefault((server.system_identifier, server.started_at), name)
        if first != name and name not in told:
            told.add(name)
            yield Finding(f"database {name}", Weight.PROBLEM, _one_server(name, first))


def _one_server(name: str, first: str) -> str:
    return (
        f"is the same server as {first}: acts on both could meet, and a pause of one does not stop both; "
        "`poolmedic pause --all` first, or wait until no incident is open, then "
        f"write `database.name: {first}` where it says {name}"
    )
