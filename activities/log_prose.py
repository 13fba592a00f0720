"""Takes out of prose what somebody else's data may be: literals of statements in it, values, credentials.

A line of a log is no statement: an apostrophe opens no literal, double quotes hold what was said as often as
a name, and either may have been opened in a line before. Where that is in doubt, too much is taken out.
"""

import re
from collections.abc import Iterable, Iterator

from activities.credentials import MASK, mask_credentials
from activities.literals import mask_literals

type Span = tuple[int, int]

_BEFORE_LITERALS = frozenset(
    {
        "all", "and", "any", "as", "between", "by", "else", "from", "ilike", "in", "is", "like", "not",
        "on", "or", "returning", "select", "set", "similar", "some", "then", "to", "values", "when",
        "where", "with", "e", "n", "b", "x", "u",
    }
)  # fmt: skip
"""Words of SQL that a literal may stand behind, and the letters that one may begin with."""
_SINGLE = re.compile(r"'")
_DOUBLE = re.compile(r'"')
_SHORTENED = re.compile(r"(?<![\w'])(?P<word>[^\W\d_]{1,40}+)'(?:t|s|re|ve|ll|d|m)(?=[\s,.;:!?)]|\Z)")
_OPENS = re.compile(r"(?:\A|[\s(\[{=,<>|:*/+!-]|(?<!\w)(?:[bBeEnNrRuUxX]|[uU]&))\Z")
_CLOSES = re.compile(r"\Z|[\s)\]},;:.|=<>!?+*/-]")
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,39}", re.ASCII)
_BEFORE_VALUES = re.compile(r'(?:=\s{0,4}|(?<!")\s?:\s{1,4}|\b(?:value|like|in \()\s{0,4})\Z', re.IGNORECASE)
_ROW = re.compile(r"\)\s?=\s?\(|\brow contains \(")
_BEHIND_ROW = re.compile(
    r"\)\s(?:already exists|conflicts with|is (?:not present|still referenced|duplicated))\b"
)
_END_OF_ROW = re.compile(r"""\)(?=\s?[.;\]"'»«]|\s*\Z)""")
"""In whatever language PostgreSQL speaks."""
BOUND = re.compile(
    r"""(?:(?<![a-z])|(?-i:(?=[A-Z])))
        (?:(?:params?|parameters|bind(?:ing)?s?|args|arguments)\b["']?\s?[:=(\[{] | binding\ parameter\b)
      | \[\["
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ADDRESS = re.compile(r"""(?<![^\s,;()\[\]{}<>"'=])[^\s,;()\[\]{}<>"'=@]*+@[^\s,;()\[\]{}<>"'=]++""")
_OBJECT = re.compile(r"(?P<kind>[\w.$]+@)(?:[0-9a-f]{1,16}|\?)", re.ASCII)
_LOOK_BACK = 12


def mask_prose(text: str) -> str:
    """The same text on one line with `?` for every literal, value, number, address and credential in it."""
    text = mask_credentials(text)
    spans = [*_between_single(text), *_between_double(text), *_rows(text), *_bound(text)]
    rest = _ADDRESS.sub(_without_address, _without(text, spans))
    return mask_literals(rest.replace("'", "’"))


def names_bound(text: str) -> bool:
    """Whether the values of a statement's parameters stand behind this."""
    return BOUND.search(f"{text}:") is not None


def last_row(text: str) -> int | None:
    """Where the values begin of the last row that PostgreSQL shows in this line; None without any."""
    ends = [found.end() for found in _ROW.finditer(text)]
    return ends[-1] if ends else None


def row_ends(text: str) -> bool:
    """Whether a row of which this is the rest ends in it."""
    if _BEHIND_ROW.search(text):
        return True
    return text.count(")") > text.count("(") and _END_OF_ROW.search(text) is not None


def lone_quotes(text: str) -> list[int]:
    """Where single quotes are that may begin or end something: not in words like `can't`."""
    apostrophes = set(_shortened(text))
    return [found.start() for found in _SINGLE.finditer(text) if found.start() not in apostrophes]


def begins(text: str, at: int) -> bool:
    """Whether something may begin there, by what stands before."""
    return _OPENS.search(text[max(0, at - _LOOK_BACK) : at]) is not None


def opens(text: str, at: int) -> bool:
    """Whether a quote there can only begin something."""
    return begins(text, at) and not text[at + 1 : at + 2].isspace()


def _between_single(text: str) -> Iterator[Span]:
    """From the first to the last, whatever is between; wider where one may be another one's end."""
    quotes = lone_quotes(text)
    if quotes:
        first, last = quotes[0], quotes[-1]
        is_last = len(quotes) % 2 == 0 and _closes(text, last) and max(_shortened(text), default=0) < last
        yield first if opens(text, first) else 0, last + 1 if is_last else len(text)


def _between_double(text: str) -> Iterator[Span]:
    """Each pair that holds no plain name; from the first to the end where one is escaped, or lacks."""
    quotes = [found.start() for found in _DOUBLE.finditer(text)]
    if len(quotes) % 2 == 1 or any(text[at - 1 : at] == "\\" for at in quotes):
        yield quotes[0], len(text)
    else:
        for start, end in zip(quotes[::2], quotes[1::2], strict=True):
            if not _is_name(text, start, end):
                yield start, end + 1


def _is_name(text: str, start: int, end: int) -> bool:
    """Of something that has one: neither compared with, nor told as the value that was wrong."""
    before = text[max(0, start - _LOOK_BACK) : start]
    return _NAME.fullmatch(text, start + 1, end) is not None and not (
        _BEFORE_VALUES.search(before) and text[end + 1 : end + 2] != "."
    )


def _rows(text: str) -> Iterator[Span]:
    """What PostgreSQL shows of a row, as in `Key (email)=(…)`."""
    if (first := _ROW.search(text)) and (last := last_row(text)):
        yield first.end(), text.rindex(")", last) if row_ends(text[last:]) else len(text)


def _bound(text: str) -> Iterator[Span]:
    if found := BOUND.search(text):
        yield found.end(), len(text)


def _shortened(text: str) -> list[int]:
    """Apostrophes of words like `can't` and `it's`, which open nothing."""
    words = ((found["word"], found.end("word")) for found in _SHORTENED.finditer(text))
    return [
        end
        for word, end in words
        if word == "I" or (word[-1].islower() and word.lower() not in _BEFORE_LITERALS)
    ]


def _closes(text: str, at: int) -> bool:
    return _CLOSES.match(text, at + 1) is not None


def _without(text: str, spans: Iterable[Span]) -> str:
    """With one mask for spans that lap over one another."""
    pieces, at = list[str](), 0
    for start, end in sorted(spans):
        if start >= at:
            pieces += [text[at:start], MASK]
        at = max(at, end)
    return "".join([*pieces, text[at:]])


def _without_address(word: re.Match[str]) -> str:
    """Nothing is left of a person's; of an object's the kind is, and of a server's all."""
    if "://" in word[0]:
        return word[0]
    kind = _OBJECT.fullmatch(word[0])
    return f"{kind['kind']}{MASK}" if kind else MASK
