"""What the JSON of `EXPLAIN (VERBOSE)` says about whole tables that are read for a few of their rows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_NAME = r'(?:[a-z_][a-z0-9_$]*|"(?:[^"]|"")+")'
_OPERATOR = r"(?P<operator>=|<=|>=|<|>)"


@dataclass(frozen=True)
class Scan:
    """A table that is read whole, and the columns by which its rows are chosen."""

    namespace: str
    table: str
    equal: tuple[str, ...]
    """Compared for equality with something that is not of the same row."""
    ranged: tuple[str, ...]
    """Compared so with `<` and the like."""


def total_cost(plan: dict[str, Any]) -> float:
    """Of the whole plan."""
    return float(plan["Total Cost"])


def scans(plan: dict[str, Any]) -> Iterator[Scan]:
    """Every one in the plan whose rows are chosen by plain columns."""
    if plan.get("Node Type") == "Seq Scan" and "Filter" in plan:
        compared = list(_compared(plan["Filter"], plan["Alias"]))
        equal = dict.fromkeys(column for column, operator in compared if operator == "=")
        ranged = dict.fromkeys(column for column, _ in compared if column not in equal)
        if compared:
            yield Scan(plan["Schema"], plan["Relation Name"], tuple(equal), tuple(ranged))
    for below in plan.get("Plans", ()):
        yield from scans(below)


def _compared(condition: str, alias: str) -> Iterator[tuple[str, str]]:
    """Column and operator of each of the conditions that all have to hold."""
    own = re.escape(_quoted(alias)) + r"\."
    column = rf"(?:{own}(?P<plain>{_NAME})|\({own}(?P<cast>{_NAME})\)::text)"
    patterns = [
        re.compile(rf"{column} {_OPERATOR} (?P<other>.+)", re.DOTALL),
        re.compile(rf"(?P<other>.+) {_OPERATOR} {column}", re.DOTALL),
    ]
    for part in _conjuncts(_stripped(condition)):
        found = next((match for each in patterns if (match := each.fullmatch(_stripped(part)))), None)
        if found and not re.search(rf"(?<![\w\"]){own}", found["other"]):
            yield _unquoted(found["plain"] or found["cast"]), found["operator"]


def _conjuncts(condition: str) -> list[str]:
    """Parts of a conjunction; none where an alternative is enough."""
    parts, depth, start = [], 0, 0
    for place, sign in _outside_quotes(condition):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0 and condition.startswith(" OR ", place):
            return []
        if depth == 0 and condition.startswith(" AND ", place):
            parts.append(condition[start:place])
            start = place + len(" AND ")
    return [*parts, condition[start:]]


def _stripped(condition: str) -> str:
    """Without the parentheses around the whole of it."""
    while condition.startswith("(") and _end_of_first(condition) == len(condition) - 1:
        condition = condition[1:-1]
    return condition


def _end_of_first(condition: str) -> int:
    depth = 0
    for place, sign in _outside_quotes(condition):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0:
            return place
    return -1


def _outside_quotes(text: str) -> Iterator[tuple[int, str]]:
    quote = ""
    for place, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        else:
            yield place, sign


def _quoted(name: str) -> str:
    """As the server prints an identifier; its keywords apart, which then are not recognised."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_$]*", name) else '"' + name.replace('"', '""') + '"'


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
