"""What a line of a log leaves open for the lines behind it: a quote, a row, bound values, a secret's value.

Where it ends cannot be known for certain: what may still be open is taken for open.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, override

from activities.credentials import names_secret
from activities.log_prose import BOUND, begins, last_row, lone_quotes, opens, row_ends

_DOUBLE = re.compile(r'(?<!\\)(?P<escape>\\*+)"')
_BRACKET = re.compile(r"[\[({]")
_PAIRS = {"[": re.compile(r"[\[\]]"), "(": re.compile(r"[()]"), "{": re.compile(r"[{}]")}
_KEY = re.compile(
    r"""(?<![\w.-]) (?P<name> (?:(?:api|access|private|session)[ ])?+ [\w.-]++ )
        \\*+ ["']?+ \s*+ (?:=>|[:=]) \s*+ (?: (?P<bracket>[\[({]) | (?P<text>[|>][+-]?+\s*+)?+ \Z )""",
    re.VERBOSE | re.IGNORECASE,
)
"""One whose value begins with a bracket, or in the next line."""
_GOES_ON = (",", ":", "=")


class Open(Protocol):
    """Something that a line has begun and not ended."""

    def after(self, text: str) -> "tuple[Open, ...]":
        """What of it is left open behind the next line."""
        ...


@dataclass(frozen=True)
class _Single(Open):
    @override
    def after(self, text: str) -> tuple[Open, ...]:
        return () if len(lone_quotes(text)) % 2 else (self,)


@dataclass(frozen=True)
class _Double(Open):
    is_escaped: bool

    @override
    def after(self, text: str) -> tuple[Open, ...]:
        plain, escaped = _double(text)
        return () if len(plain) % 2 or (self.is_escaped and len(escaped) % 2) else (self,)


@dataclass(frozen=True)
class _Row(Open):
    @override
    def after(self, text: str) -> tuple[Open, ...]:
        return () if row_ends(text) else (self,)


@dataclass(frozen=True)
class _Brackets(Open):
    sign: str
    depth: int

    @override
    def after(self, text: str) -> tuple[Open, ...]:
        depth = self.depth
        for found in _PAIRS[self.sign].finditer(text):
            depth = max(depth + (1 if found[0] == self.sign else -1), 0)
        return (_Brackets(self.sign, depth),) if depth else ()


@dataclass(frozen=True)
class _Named(Open):
    """The next line reads as if it stood behind that name."""

    name: str

    @override
    def after(self, text: str) -> tuple[Open, ...]:
        return opened(f"{self.name}: {text.strip()}")


@dataclass(frozen=True)
class _Endless(Open):
    """As YAML writes text of several lines: nothing says where it ends."""

    @override
    def after(self, text: str) -> tuple[Open, ...]:
        return (self,)


def opened(text: str) -> tuple[Open, ...]:
    """Everything that begins in this line and does not end in it."""
    return (*_quotes(text), *_rows(text), *_bound(text), *_secrets(text))


def left_open(before: tuple[Open, ...], text: str) -> tuple[Open, ...]:
    """The same of a line that begins within what lines before have left open."""
    left = tuple(dict.fromkeys(each for one in before for each in one.after(text)))
    # The quote that ends what was open is no beginning.
    return left or tuple(
        each for each in opened(text) if not (isinstance(each, _Single | _Double) and each in before)
    )


def _quotes(text: str) -> Iterator[Open]:
    single = lone_quotes(text)
    if len(single) % 2 and opens(text, single[-1]):
        yield _Single()
    for is_escaped, found in enumerate(_double(text)):
        if len(found) % 2 and any(begins(text, at) for at in found):
            yield _Double(bool(is_escaped))


def _double(text: str) -> tuple[list[int], list[int]]:
    """Where double quotes begin, with the signs that escape them: those without any, and those with some."""
    found = list(_DOUBLE.finditer(text))
    plain = [each.start() for each in found if len(each["escape"]) % 2 == 0]
    return plain, [each.start() for each in found if len(each["escape"]) % 2]


def _rows(text: str) -> Iterator[Open]:
    row = last_row(text)
    if row is not None and not row_ends(text[row:]):
        yield _Row()


def _bound(text: str) -> Iterator[Open]:
    found = BOUND.search(text)
    if found is None:
        return
    values = text[found.start() :]
    brackets = tuple(_brackets(values))
    yield from brackets
    if not brackets and values.rstrip().endswith(_GOES_ON):
        yield _Named("parameters")


def _secrets(text: str) -> Iterator[Open]:
    signs = set[str]()
    for found in _KEY.finditer(text):
        sign = found["bracket"]
        if not names_secret(found["name"]) or sign in signs:
            continue
        if sign:
            # Those of later ones are counted with the first.
            signs.add(sign)
            yield from _brackets(text[found.start("bracket") :])
        else:
            yield _Endless() if found["text"] else _Named("token")


def _brackets(text: str) -> Iterator[Open]:
    """By the first kind of bracket alone: others in between may be a value's own."""
    if found := _BRACKET.search(text):
        yield from _Brackets(found[0], 0).after(text)
