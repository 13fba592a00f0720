"""What docs/installing.md lets through before a Docker Engine, as rules of the proxies that it names."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.ports.engine_proxy import Request, Rule

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "installing.md").read_text()
CHAPTER = GUIDE.partition("## A Docker Engine behind a socket proxy")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"```\n(.*?)```", CHAPTER, re.DOTALL)


class Entry(NamedTuple):
    """A row of the list."""

    method: str
    path: str
    needed_for: str


LISTED = [Entry(*row) for row in re.findall(r"\| `(\w+)` \| `(/\S+)` \| `?([^|`]+)`? \|", CHAPTER)]
BY_PATH = [block.split() for block in BLOCKS if block.startswith("-allow")]
"""Parameters of a proxy that knows paths: to observe, to restart, to resize."""
(BY_SECTION,) = [dict(line.split("=") for line in block.split()) for block in BLOCKS if "=1\n" in block]
"""Variables of a proxy that knows sections."""


ANY_CONTAINER = "[a-zA-Z0-9_.-]+"
(EXAMPLE,) = re.findall(r"`\((\S+)\)` may stand", CHAPTER)
NAMES, ID = EXAMPLE.rpartition("|")[::2]
"""With which the guide narrows that down."""


def exactly(entries: Sequence[Entry]) -> Rule:
    """Lets through these rows."""
    shapes = {(entry.method, entry.path) for entry in entries}
    return lambda request: request.shape in shapes


def by_path(parameters: Sequence[str]) -> Rule:
    """As wollomatic/socket-proxy does: an expression per method, for the whole path."""
    found = [re.fullmatch(r"-allow([A-Z]+)=(.*)", each) for each in parameters]
    expressions = {each[1]: re.compile(each[2]) for each in found if each}

    def allows(request: Request) -> bool:
        expression = expressions.get(request.method)
        return bool(expression and expression.fullmatch(request.path))

    return allows


def by_section(variables: Mapping[str, str]) -> Rule:
    """As Tecnativa/docker-socket-proxy 0.1 to 0.4 does: `POST` before everything else, then the sections."""
    given = {"EVENTS": "1", "PING": "1", "VERSION": "1", **variables}

    def allows(request: Request) -> bool:
        if request.method not in {"GET", "HEAD"} and given.get("POST") != "1":
            return False
        lasting = re.match(r"/containers/[\w.-]+/(stop|restart|kill)", request.path)
        section = request.path.removeprefix("/").split("/")[0].upper()
        return bool(lasting and given.get("ALLOW_RESTARTS") == "1") or given.get(section) == "1"

    return allows
