"""Markdown as a reader of it parses it: its structure, its words, and texts that try to change them."""

from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
NASTY = st.text(alphabet="a1 |`*_[]()<>#-+=!~\\&;:/@.\n\t$\"'{}%", max_size=30)
EVIL = (
    "x | y <img src=x onerror=alert(1)> ![i](http://evil.example/a.png) [c](javascript:alert(1)) "
    "`code` **bold** http://evil.example www.evil.example @everyone \u202e \x1b[31m {{ 7 * 7 }} {% if %}"
)


def structure(text: str) -> list[str]:
    """Everything of the parsed Markdown but its text."""
    return list(_types(PARSER.parse(text)))


def _types(tokens: list[Token]) -> list[str]:
    found = []
    for token in tokens:
        if token.type != "text":
            found.append(f"{token.type} {token.tag} {token.attrGet('href') or ''}")
        found += _types(token.children or [])
    return found


def words(text: str) -> str:
    """The text of the parsed Markdown, without its markup."""
    return "\n".join(
        "".join(child.content for child in token.children or [])
        for token in PARSER.parse(text)
        if token.type == "inline"
    )


def section(text: str, title: str) -> str:
    """What stands below this heading, up to the next of its kind."""
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
