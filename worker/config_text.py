"""The configuration file as text: YAML with the line of every key, and without YAML's surprises."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, override

import yaml
from yaml.composer import ComposerError

from worker.errors import Fault

type Path = tuple[str | int, ...]

DEEPEST = 50
MOST_VALUES = 100_000


class _Loader(yaml.SafeLoader):
    """Dates stay text, and only `true` and `false` are booleans: `no` is a word."""

    _depth = 0

    @override
    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """As it is there, without ever meeting the interpreter's own limit."""
        if self._depth > DEEPEST:
            mark = parent.start_mark if parent else None
            raise ComposerError(None, None, f"nested more than {DEEPEST} deep", mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag != "tag:yaml.org,2002:timestamp"
        and not (tag == "tag:yaml.org,2002:bool" and first in "yYnNoO")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass
class Text:
    """Parsed YAML: its data, the line of every path, and what was wrong with the text itself."""

    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, path: Path, message: str) -> Fault:
        """A fault at that path, with the line of the nearest key that exists."""
        nearest = path
        while nearest and nearest not in self.lines:
            nearest = nearest[:-1]
        return Fault(spell(path), message, self.lines.get(nearest))


def spell(path: Path) -> str:
    """`targets[0].database.dsn`."""
    spelled = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return spelled.removeprefix(".") or "the file"


def leaves(data: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Every single value with its path."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    elif isinstance(data, list):
        for place, value in enumerate(data):
            yield from leaves(value, (*path, place))
    else:
        yield path, data


def parse(source: str) -> Text:
    """Read YAML; faults of the text (syntax, doubled keys, odd values) are in the result."""
    text = Text()
    try:
        loader = _Loader(source)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            text.faults.append(
                Fault("the file", "has no keys; it needs at least prometheus, routes and targets")
            )
            return text
        _Walk(text).over(node, ())
        text.data = loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it cannot be read as YAML"
        text.faults.append(Fault("the file", f"{problem}; correct the YAML", mark.line + 1 if mark else None))
    except _Endless as endless:
        text.faults.append(text.fault(endless.path, endless.message))
    return text


class _Endless(Exception):
    """What stands at the path cannot be written out."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path, self.message = path, message


@dataclass(frozen=True)
class _Walk:
    """Visits every value where it is used, through aliases too; what is no value becomes a fault and text."""

    text: Text
    reader: _Loader = field(default_factory=lambda: _Loader(""))
    """Of single values: it may fail, and the loader of the whole goes on."""

    def over(self, node: yaml.Node, path: Path, above: tuple[yaml.Node, ...] = ()) -> None:
        if node in above:
            raise _Endless(path, "contains itself by an alias; write out what is meant")
        if len(self.text.lines) > MOST_VALUES:
            raise _Endless(path, f"is beyond {MOST_VALUES} values, aliases written out; give fewer")
        self.text.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            for position, item in enumerate(node.value):
                self.over(item, (*path, position), (*above, node))
        elif isinstance(node, yaml.MappingNode):
            self._mapping(node, path, (*above, node))
        elif fault := self._wrong(node):
            self.text.faults.append(self.text.fault(path, fault))
            node.tag, node.value = "tag:yaml.org,2002:str", ""

    def _wrong(self, node: yaml.Node) -> str | None:
        try:
            value = self.reader.construct_object(node)
            str(value).encode()
        # What the library's own conversions raise, and Python's of a number without end.
        except (ValueError, AttributeError, KeyError):
            return "is not what it looks like; correct it, or put it in quotes"
        is_endless = isinstance(value, float) and not math.isfinite(value)
        return "is not a number; give one" if is_endless else None

    def _mapping(self, node: yaml.MappingNode, path: Path, above: tuple[yaml.Node, ...]) -> None:
        text = self.text
        seen: set[str] = set()
        for key, value in node.value:
            if key.tag not in {"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"}:
                text.faults.append(text.fault(path, f"the key {key.value} is not text; put it in quotes"))
                continue
            inner = (*path, key.value)
            if key.value in seen and key.value != "<<":
                text.faults.append(
                    Fault(spell(inner), "is given twice; keep one of them", key.start_mark.line + 1)
                )
            seen.add(key.value)
            text.lines.setdefault(inner, key.start_mark.line + 1)
            self.over(value, inner, above)
