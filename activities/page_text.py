"""A page as plain text that no receiving service takes for anything else."""

import re

from workflows.models.page import Page
from workflows.models.text import clean

LONGEST_BODY = 3500
LONGEST_LINE = 600
LONGEST_ADDRESS = 2000
"""An address that is cut leads nowhere."""
_JOINER = "\N{WORD JOINER}"
"""Is not seen, and parts what it stands between for whoever looks for it."""
_BROADCAST = re.compile(r"@(?=(?:everyone|here|channel|all)\b)", re.IGNORECASE)
_MARKUP = re.compile(r"(?P<angle><)(?=\S)|(?P<twice>(?<=`)(?=`)|(?<=\])(?=\())")


def render_title(page: Page) -> str:
    """One line: level, and what it is about."""
    return _quiet(clean(f"[{page.level}] {page.title}"))


def render(page: Page) -> str:
    """Body, links, and last the key, by which a page that came twice is recognised."""
    body = "\n".join(clean(line, LONGEST_LINE) for line in page.body.splitlines())
    if len(body) > LONGEST_BODY:
        body = f"{body[:LONGEST_BODY].rsplit('\n', 1)[0]}\n(cut: see the links)"
    links = [
        f"{_quiet(clean(name))}: {clean(address, LONGEST_ADDRESS)}" for name, address in page.links.items()
    ]
    return "\n".join([_quiet(body), *([""] if links else []), *links, "", f"Page {_quiet(clean(page.key))}"])


def _quiet(text: str) -> str:
    """Chat services call everybody for `@here` or `<!channel>`, whoever wrote it.

    They hide where a link leads, in `<address|words>` or `[words](address)`, and what stands behind a fence.
    """
    text = _BROADCAST.sub(f"@{_JOINER}", text)
    return _MARKUP.sub(lambda found: "‹" if found["angle"] else _JOINER, text)
