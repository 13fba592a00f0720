"""Writing to a terminal: text from outside is shown, never obeyed."""

import json
import sys
import unicodedata
from typing import Any

from rich.console import Console
from rich.text import Text


def visible(text: str) -> str:
    """One line: control, format and bidirectional characters as escapes, so that none of them acts."""
    return "".join(_visible(sign) for sign in text)


def _visible(sign: str) -> str:
    is_hidden = unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return sign.encode("unicode_escape").decode() if is_hidden else sign


def shown(text: object, style: str = "") -> Text:
    """For rich: one line, without markup, without control characters."""
    return Text(visible(str(text)), style)


def console() -> Console:
    """Standard output."""
    return Console(highlight=False, emoji=False, markup=False)


def complain(message: str) -> None:
    """One message of our own, of a line or several, on standard error."""
    text = Text("\n").join(shown(line) for line in message.split("\n"))
    Console(stderr=True, highlight=False, emoji=False, markup=False, soft_wrap=True).print(text)


def write_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """One document on standard output, in ASCII."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def write_line(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """One document of several on standard output, each on a line of its own and at once."""
    sys.stdout.write(json.dumps(value, default=str) + "\n")
    sys.stdout.flush()
