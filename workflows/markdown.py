"""Text put into Markdown so that it stays text, whoever wrote it.

Escaped is what CommonMark or GitHub's tables and autolinks would read as markup, and no more: a report is
read raw as often as rendered.
"""

import re

from workflows.models.text import clean

LONGEST = 2000
LONGEST_CAPTION = 200
_IN_LIST = " " * 4
MOST_CAPTION_BYTES = 400
_ANYWHERE = re.compile(r"([\\`*\[\]<|~$])")
_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_AT_START = re.compile(r"^(\d*)(?:([.)])(?=\s|$)|([#+=\-])(?=[#+=\-]*(?:\s|$))|(>))")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_LINK = re.compile(r"(?<=\w)://|(?<=\bwww)\.|(?<=\bmailto):|(?<=\bxmpp):|@(?=\w)", re.IGNORECASE)


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def escape(value: object) -> Markdown:
    """Any value as one line of plain text; Markdown stays as it is."""
    if isinstance(value, Markdown):
        return value
    text = _ANYWHERE.sub(r"\\\1", clean(str(value), LONGEST))
    text = _UNDERSCORE.sub(r"\\_", text)
    text = _AT_START.sub(r"\1\\\2\3\4", text)
    text = _ENTITY.sub("&amp;", text)
    return Markdown(_LINK.sub(_numbered, text))


def caption(text: str) -> Markdown:
    """One short line, escaped, where the Temporal UI reads Markdown; its bytes are bounded too."""
    longest = LONGEST_CAPTION
    while len((found := escape(clean(text, longest))).encode()) > MOST_CAPTION_BYTES:
        longest = longest * 4 // 5
    return found


def code(value: object) -> Markdown:
    """A code span; not for table cells, where a bar would still end the cell."""
    text = clean(str(value), LONGEST)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text[:1] == "`" or text[-1:] == "`" else ""
    return Markdown(f"{fence}{pad}{text}{pad}{fence}" if text else "")


def snippet(value: object) -> Markdown:
    """Code to be pasted at the end of a numbered line: a span, or where it has several lines a block."""
    lines = str(value).split("\n")
    return Markdown(f" {code(value)}" if len(lines) == 1 else f"\n\n{_block(lines)}")


def _block(lines: list[str]) -> Markdown:
    """Spaces are kept, for code means something by them."""
    shown = ["".join(sign if sign.isprintable() else " " for sign in line)[:LONGEST] for line in lines]
    longest = max((len(run) for run in re.findall(r"`+", "\n".join(shown))), default=0)
    fence = "`" * max(longest + 1, 3)
    return Markdown("\n".join(f"{_IN_LIST}{line}".rstrip() for line in (fence, *shown, fence)))


def _numbered(found: re.Match[str]) -> str:
    """The first sign as a character reference: it reads the same and starts no link."""
    sign, rest = found.group()[0], found.group()[1:]
    return f"&#{ord(sign)};{rest}"
