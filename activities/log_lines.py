"""Lines of an application's log, in prose or as JSON, without what is nobody's business.

Taken out is what stands as a value of a statement or as a credential usually does; a secret that looks like
any other word is not known for one.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from activities.credentials import MASK, names_secret
from activities.log_blocks import Open, left_open, opened
from activities.log_prose import mask_prose, names_bound

_KEY = re.compile(r"[@A-Za-z_][\w.-]{0,39}", re.ASCII)
_BEFORE_OBJECT = re.compile(r"[^\"'{]*+(?={)")
_NAMING = frozenset(("name", "key", "field", "header", "column", "param", "parameter"))
_BOUND = "values"
"""What node-postgres calls the values of parameters; in prose it is a word of SQL."""
_BEGINNING = re.compile(
    r"""\s*(?:\{\s?" | [\[(<]?(?:\d{4}-?\d\d|\d\d[:/.]\d\d
        |\b(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL|SEVERE|PANIC|LOG)\b))""",
    re.VERBOSE,
)
"""What a line begins with that is an entry of its own: a time, a level, an object."""
_MOST_CONTINUED = 20


class _Object(tuple[tuple[str, Any], ...]):
    """Its fields as they are written, of which two may have one name."""

    __slots__ = ()


def mask_line(text: str) -> str:
    """The same line with `?` for what is taken out; of JSON the keys are kept, and what is neither."""
    try:
        before, document = _read(text)
        return mask_prose(text) if document is None else f"{before}{_write(document)}"
    except RecursionError:
        return MASK


def continued(texts: Iterable[str]) -> Iterator[bool]:
    """For each line whether it begins within what a line before has opened: a literal, a row, a value.

    One that never ends is given up after some lines, or at the beginning of a new entry.
    """
    still, left = tuple[Open, ...](), 0
    for text in texts:
        is_within = bool(still) and left > 0 and not _BEGINNING.match(text)
        yield is_within
        if not is_within:
            still, left = () if _is_whole(text) else opened(text), _MOST_CONTINUED
        else:
            still, left = left_open(still, text), left - 1


def _is_whole(text: str) -> bool:
    """Whether it is one document, in which nothing is left open."""
    try:
        return _decode(text) is not None
    except RecursionError:
        return False


def _read(text: str) -> tuple[str, _Object | list[Any] | None]:
    """What stands before an object that goes on to the end, and the object; None where there is none."""
    document = _decode(text)
    if document is not None:
        return "", document
    found = _BEFORE_OBJECT.match(text)
    if found is None or names_secret(found[0]) or names_bound(found[0]):
        return "", None
    return f"{mask_prose(found[0])} ", _decode(text[found.end() :])


def _decode(text: str) -> _Object | list[Any] | None:
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        document: object = json.loads(
            text,
            object_pairs_hook=_Object,
            parse_int=_without_number,
            parse_float=_without_number,
            parse_constant=_without_number,
        )
    except ValueError:
        return None
    return document if isinstance(document, _Object | list) else None


def _without_number(_digits: str) -> str:
    return MASK


def _write(value: object) -> str:
    match value:
        case _Object():
            return f"{{{','.join(_write_fields(value))}}}"
        case list():
            return f"[{','.join(_write_elements(value))}]"
        case str():
            return _quote(mask_line(value))
        case _:
            return json.dumps(value)


def _write_fields(fields: _Object) -> Iterator[str]:
    names_one = any(key.lower() in _NAMING and _is_secret_word(value) for key, value in fields)
    for key, value in fields:
        is_plain = _KEY.fullmatch(key) is not None
        is_kept = not names_one and not names_secret(key) and not names_bound(key) and key != _BOUND
        yield f"{_quote(key if is_plain else MASK)}:{_write(value) if is_kept else _write_nothing(value)}"


def _write_elements(elements: list[Any]) -> Iterator[str]:
    is_kept = True
    for element in elements:
        yield _write(element) if is_kept else _write_nothing(element)
        is_kept = not _is_secret_word(element)


def _write_nothing(value: object) -> str:
    return json.dumps(value) if value is None or isinstance(value, bool) else _quote(MASK)


def _is_secret_word(value: object) -> bool:
    """As in `{"name": "password", "value": …}` and `["Authorization", …]`."""
    return isinstance(value, str) and len(value.split()) == 1 and names_secret(value)


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
