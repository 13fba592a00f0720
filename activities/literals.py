"""Takes every literal out of SQL text.

`pg_stat_statements` normalises queries but not utility statements: `ALTER ROLE … PASSWORD '…'` stands there
as it was written, and so do comments (PostgreSQL's manual, "pg_stat_statements").
"""

import re
from collections.abc import Iterator

MASK = "?"
_TOKEN = re.compile(
    r"""
      (?P<blank>   \s+ | --[^\n]* )
    | (?P<literal> (?:[uU]&|[bBxXnN])?'(?:[^'\\]|'')*'(?!')
                 | [eE]'(?:[^'\\]|''|\\.)*'(?!')
                 | \$(?P<tag>[^\W\d]\w*)?\$ .*? \$(?(tag)(?P=tag))\$
                 | \.?\d[\w.]*(?:(?<=[eE])[+-]\d+)? )
    | (?P<comment> /\* )
    | (?P<kept>    \$\d+ | [^\W\d][\w$]* | "(?:[^"]|"")*" | [^'"$\\] )
    | (?P<open>    . )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_MARK = re.compile(r"/\*|\*/")


def mask_literals(sql: str) -> str:
    """The same statement on one line, without comments, with `?` for every literal.

    Where a quote is not closed, or a backslash leaves open where a string ends, the rest is one literal.
    """
    return re.sub(r" +", " ", "".join(_pieces(sql))).strip()


def _pieces(sql: str) -> Iterator[str]:
    at = 0
    while token := _TOKEN.match(sql, at):
        yield {"kept": token.group(), "blank": " ", "comment": " "}.get(token.lastgroup or "", MASK)
        if token.lastgroup == "open":
            return
        at = _end_of_comment(sql, at) if token.lastgroup == "comment" else token.end()


def _end_of_comment(sql: str, start: int) -> int:
    depth = 0
    for mark in _COMMENT_MARK.finditer(sql, start):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(sql)
