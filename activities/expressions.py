"""Alertmanager's regular expressions (RE2), judged in bounded time.

Python's own would read some of them otherwise, and may take for ever where RE2 never does: one silence would
hold up the worker. Here are the usual ones; of any other it is only said that it is not known.
"""

import re
from collections.abc import Callable
from string import ascii_letters, digits, punctuation

_LONGEST_EXPRESSION, _LONGEST_TEXT = 500, 1024
_MOST_GROUPS = 20
_WORD = ascii_letters + digits + "_"
_COUNTED = re.compile(r"\{(\d{1,4})(,)?(\d{1,4})?\}")

type _Places = frozenset[int]
"""In the text, between two signs: so far everything before them fits."""
type _Part = Callable[[str, _Places], _Places]
"""Where the text can go on behind this part of the expression, from each of these places."""


class NotKnown(Exception):
    """What the expression asks for is not known here, or takes too long to find out."""


class Steps:
    """What may be spent on all the expressions of one question."""

    def __init__(self, most: int = 500_000) -> None:
        self._left = most

    def spend(self, steps: int) -> None:
        """Raises `NotKnown` where nothing is left."""
        self._left -= steps
        if self._left < 0:
            raise NotKnown


def fits(expression: str, text: str, steps: Steps) -> bool:
    """Whether the expression takes the whole text. Raises `NotKnown`."""
    is_long = len(expression) > _LONGEST_EXPRESSION or len(text) > _LONGEST_TEXT
    if is_long or expression.count("(") > _MOST_GROUPS:
        raise NotKnown
    part = _Reader(expression, steps).whole()
    return len(text) in part(text, frozenset({0}))


class _Reader:
    """Makes parts of an expression, from left to right."""

    def __init__(self, expression: str, steps: Steps) -> None:
        self._expression = expression
        self._at = 0
        self._steps = steps

    def whole(self) -> _Part:
        part = self._choice()
        if self._at < len(self._expression):
            raise NotKnown
        return part

    def _next(self) -> str:
        return self._expression[self._at : self._at + 1]

    def _takes(self, word: str) -> bool:
        is_there = self._expression.startswith(word, self._at)
        self._at += len(word) if is_there else 0
        return is_there

    def _take(self) -> str:
        if not (sign := self._next()):
            raise NotKnown
        self._at += 1
        return sign

    def _choice(self) -> _Part:
        ways = [self._sequence()]
        while self._takes("|"):
            ways.append(self._sequence())
        return lambda text, places: frozenset[int]().union(*(way(text, places) for way in ways))

    def _sequence(self) -> _Part:
        parts: list[_Part] = []
        while self._next() not in {"", "|", ")"}:
            parts.append(self._repeated(self._single()))

        def follow(text: str, places: _Places) -> _Places:
            for part in parts:
                places = part(text, places)
            return places

        return follow

    def _repeated(self, part: _Part) -> _Part:
        """As often as it says; `a*?` takes the same whole texts as `a*`."""
        counted = _COUNTED.match(self._expression, self._at)
        if counted:
            self._at = counted.end()
            least = int(counted[1])
            most = int(counted[3]) if counted[3] else None if counted[2] else least
        elif self._next() in {"*", "+", "?"}:
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[self._take()]
        else:
            return part
        self._takes("?")
        return self._again(part, least, most)

    def _again(self, part: _Part, least: int, most: int | None) -> _Part:
        def repeat(text: str, places: _Places) -> _Places:
            for _ in range(least):
                self._steps.spend(1)
                places = part(text, places)
            reached, fresh, times = places, places, least
            while fresh and (most is None or times < most):
                self._steps.spend(1)
                fresh = part(text, fresh) - reached
                reached, times = reached | fresh, times + 1
            return reached

        return repeat

    def _single(self) -> _Part:
        match self._take():
            case "(":
                return self._group()
            case "[":
                return self._sign(self._class())
            case ".":
                return self._sign(lambda sign: sign != "\n")
            case "^":
                return lambda _text, places: places & {0}
            case "$":
                return lambda text, places: places & {len(text)}
            case "\\":
                return self._sign(self._escaped())
            case "*" | "+" | "?" | "{":
                raise NotKnown
            case plain:
                return self._sign(lambda sign: sign == plain)

    def _sign(self, accepts: Callable[[str], bool]) -> _Part:
        def step(text: str, places: _Places) -> _Places:
            self._steps.spend(1 + len(places))
            return frozenset(place + 1 for place in places if place < len(text) and accepts(text[place]))

        return step

    def _group(self) -> _Part:
        if not self._takes("?:") and self._next() == "?":
            raise NotKnown
        part = self._choice()
        if not self._takes(")"):
            raise NotKnown
        return part

    def _escaped(self) -> Callable[[str], bool]:
        sign = self._take()
        if sign in punctuation:
            return lambda given: given == sign
        accepted = {"d": digits, "w": _WORD}.get(sign)
        if accepted is None:
            raise NotKnown
        return lambda given: given in accepted

    def _class(self) -> Callable[[str], bool]:
        """Signs and ranges; one with a name, an escape or a bracket inside is not known."""
        is_negated = self._takes("^")
        ranges: list[tuple[str, str]] = []
        while not self._takes("]"):
            first = self._plain()
            if self._next() == "-" and self._expression[self._at + 1 : self._at + 2] != "]":
                self._take()
                ranges.append((first, self._plain()))
            else:
                ranges.append((first, first))
        if not ranges or any(first > last for first, last in ranges):
            raise NotKnown
        return lambda sign: is_negated is not any(first <= sign <= last for first, last in ranges)

    def _plain(self) -> str:
        sign = self._take()
        if sign in {"[", "\\"}:
            raise NotKnown
        return sign
