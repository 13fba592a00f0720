"""What the JSON of `EXPLAIN (VERBOSE)` says about whole tables that are read for a few of their rows."""

import math
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
    cost: float
    """What the whole plan is charged for it, in the planner's own unit, and without what is below it."""
    equal: tuple[str, ...]
    """Compared for equality with something that is not of the same row."""
    ranged: tuple[str, ...]
    """Compared so with `<` and the like."""
    as_text: frozenset[str] = frozenset()
    """Those of them that are compared as text, whatever they are."""


@dataclass(frozen=True)
class _Comparison:
    column: str
    operator: str
    as_text: bool


def total_cost(plan: dict[str, Any]) -> float:
    """Of the whole plan."""
    return float(plan["Total Cost"])


def scans(plan: dict[str, Any]) -> Iterator[Scan]:
    """Every one in the plan, also such as choose no rows by plain columns."""
    yield from _scans(plan, total_cost(plan))


def _scans(node: dict[str, Any], charge: float) -> Iterator[Scan]:
    """`charge` is what all executions of this node cost together."""
    below = list(_charges(node, charge))
    if node["Node Type"] == "Seq Scan":
        yield _scan(node, charge - sum(share for _, share in below))
    for child, share in below:
        yield from _scans(child, share)


def _scan(node: dict[str, Any], cost: float) -> Scan:
    compared = list(_compared(node["Filter"], node["Alias"])) if "Filter" in node else []
    equal = dict.fromkeys(each.column for each in compared if each.operator == "=")
    return Scan(
        namespace=node["Schema"],
        table=node["Relation Name"],
        cost=cost,
        equal=tuple(equal),
        ranged=tuple(dict.fromkeys(each.column for each in compared if each.column not in equal)),
        as_text=frozenset(each.column for each in compared if each.as_text),
    )


def _charges(node: dict[str, Any], charge: float) -> Iterator[tuple[dict[str, Any], float]]:
    """What is below, and what all its executions cost.

    A plan shows the cost of one execution. What is executed again for every row is in the cost of the node
    above it, which therefore bounds it: together they never have more than that.
    """
    left = total_cost(node)
    times = charge / left if left > 0 else 0.0
    if node["Node Type"] == "Materialize":
        times = min(times, 1.0)
    outer = 1.0
    for child in sorted(node.get("Plans", ()), key=_is_subplan):
        share = min(total_cost(child) * _repetitions(node, child, outer), left)
        left -= share
        yield child, share * times
        if child["Parent Relationship"] == "Outer":
            outer = max(float(child["Plan Rows"]), 1.0)


def _repetitions(node: dict[str, Any], child: dict[str, Any], outer: float) -> float:
    """How often the child is executed in one execution of the node; `outer` are the rows it is given."""
    if child["Parent Relationship"] == "Inner":
        return outer if node["Node Type"] == "Nested Loop" else 1.0
    if not _is_subplan(child):
        return 1.0
    own = {key: value for key, value in node.items() if key not in ("Plans", "Output")}
    name = re.escape(child["Subplan Name"])
    if re.search(rf"\bhashed {name}\b", f"{own} {node.get('Output')}"):
        return 1.0
    # For every row that a filter looks at, and those are not in the plan.
    return math.inf if re.search(rf"\b{name}\b", str(own)) else max(outer, float(node["Plan Rows"]))


def _is_subplan(node: dict[str, Any]) -> bool:
    return bool(node["Parent Relationship"] == "SubPlan")


def _compared(condition: str, alias: str) -> Iterator[_Comparison]:
    """Each of the conditions that all have to hold."""
    own = re.escape(_quoted(alias)) + r"\."
    column = rf"(?:{own}(?P<plain>{_NAME})|\({own}(?P<cast>{_NAME})\)::text)"
    patterns = [
        re.compile(rf"{column} {_OPERATOR} (?P<other>.+)", re.DOTALL),
        re.compile(rf"(?P<other>.+) {_OPERATOR} {column}", re.DOTALL),
    ]
    for part in _conjuncts(_stripped(condition)):
        found = next((match for each in patterns if (match := each.fullmatch(_stripped(part)))), None)
        if found is None or re.search(rf"(?<![\w\"]){own}", found["other"]):
            continue
        # An index has the column's own collation, and serves no other.
        if " COLLATE " not in found["other"]:
            name = _unquoted(found["plain"] or found["cast"])
            yield _Comparison(name, found["operator"], found["plain"] is None)


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
