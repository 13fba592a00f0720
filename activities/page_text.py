"""A page as plain text that no receiving service takes for anything else."""

import re

from workflows.models.page import Page
from workflows.models.text import clean

LONGEST_BODY = 3500
LONGEST_LINE = 600
LONGEST_ADDRESS = 2000
"""An address that is cut leads nowhere."""
_BROADCAST = re.compile(r"@(?=(?:everyone|here|channel|all)\b)", re.IGNORECASE)
_MENTION = re.compile(r"<(?=[!@#])")


def render_title(page: Page) -> str:
    """One line: level, and what it is about."""
    return _quiet(clean(f"[{page.level}] {page.title}"))


def render(page: Page) -> str:
    """Body, links, and last the key, by which a page that came twice is recognised."""
    body = "\n".join(clean(line, LONGEST_LINE) for line in page.body.splitlines())
    if len(body) > LONGEST_BODY:
        body = f"{body[:LONGEST_BODY].rsplit('\n', 1)[0]}\n(cut: see the links)"
    links = [f"{clean(name)}: {clean(address, LONGEST_ADDRESS)}" for name, address in page.links.items()]
    return "\n".join([_quiet(body), *([""] if links else []), *links, "", f"Page {clean(page.key)}"])


def _quiet(text: str) -> str:
    """Chat services call everybody for `@here` or `<!channel>`, whoever wrote it."""
    return _MENTION.sub("‹", _BROADCAST.sub("@\N{WORD JOINER}", text))
