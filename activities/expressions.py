"""Regular expressions of Alertmanager, read by the engine that it uses itself (RE2), in bounded time."""

from functools import lru_cache

import re2

_LONGEST = 1_000
"""Signs of an expression; people write no longer ones."""
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


class NotKnown(Exception):
    """What the expression asks for cannot be read here."""


def fits(expression: str, text: str) -> bool:
    """Whether the expression takes the whole text, as of every matcher. Raises `NotKnown`."""
    if len(expression) > _LONGEST:
        raise NotKnown
    return _compiled(expression).fullmatch(text) is not None


@lru_cache(maxsize=256)
def _compiled(expression: str) -> re2._Regexp:
    try:
        return re2.compile(expression, options=_OPTIONS)
    except re2.error as error:
        raise NotKnown from error
