"""Text from outside, made fit to be shown where it comes in: one line, printable, of bounded length."""

from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

LONGEST_NAME = 100
LONGEST_KEY = 128
LONGEST_VALUE = 1024
MOST_LABELS = 64


def clean(text: str, limit: int = 200) -> str:
    """`text` as one line of at most `limit` characters, without control, format or bidirectional ones.

    Not escaped for any format: whoever renders it does that.
    """
    scanned = text[: 8 * limit]
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in scanned).split())
    cut = len(line) > limit or len(scanned) < len(text)
    return line[: limit - 1].rstrip() + "…" if cut else line


def line(limit: int) -> AfterValidator:
    """For a field: its text is cleaned, and cut after so many characters."""
    return AfterValidator(partial(clean, limit=limit))


def is_name(text: str) -> bool:
    """Whether somebody can be called so: there is something to read."""
    return any(sign.isalnum() for sign in text)


def _as_written(text: str) -> str:
    if clean(text, LONGEST_NAME) != text or not is_name(text):
        rule = f"one printable line of at most {LONGEST_NAME} characters, with a letter or a digit"
        raise ValueError(f"should be {rule}, and no spaces around it")
    return text


def _few(labels: object) -> object:
    """Counted before each is cleaned, so that a flood of them costs nothing."""
    if not isinstance(labels, dict) or len(labels) <= MOST_LABELS:
        return labels
    kept = sorted(labels, key=str)[: MOST_LABELS - 1]
    return {key: labels[key] for key in kept} | {"…": f"{len(labels) - len(kept)} more were left out"}


type Name = Annotated[str, line(LONGEST_NAME)]
"""A person, a request, an alert."""
type ExactName = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_as_written)]
"""A configured name that what comes in is compared with: cleaning leaves it as it is."""
type Sentence = Annotated[str, line(1000)]
"""What somebody said, or what became of something."""
type Labels = Annotated[
    dict[Annotated[str, line(LONGEST_KEY)], Annotated[str, line(LONGEST_VALUE)]], BeforeValidator(_few)
]
