"""The configuration file as text: YAML with the line of every key, and without YAML's surprises."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from worker.errors import Fault

type Path = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """Dates stay text, and only `true` and `false` are booleans: `no` is a word."""


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
        _walk(node, (), text)
        text.data = loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it cannot be read as YAML"
        text.faults.append(Fault("the file", f"{problem}; correct the YAML", mark.line + 1 if mark else None))
    return text


def _walk(node: yaml.Node, path: Path, text: Text) -> None:
    text.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            _walk(item, (*path, position), text)
    elif isinstance(node, yaml.MappingNode):
        _walk_mapping(node, path, text)
    elif node.tag == "tag:yaml.org,2002:float" and node.value.strip("+-").lower() in {".inf", ".nan"}:
        text.faults.append(text.fault(path, "is not a number; give one"))


def _walk_mapping(node: yaml.MappingNode, path: Path, text: Text) -> None:
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
        _walk(value, inner, text)
