"""Takes every literal out of SQL text.

`pg_stat_statements` normalises queries but not utility statements: `ALTER ROLE … PASSWORD '…'` stands there
as it was written, and so do comments (PostgreSQL's manual, "pg_stat_statements"). What is set to a parameter
needs no quotes either: `SET app.user = ada`.
"""

import re
from collections.abc import Iterator

from activities.credentials import MASK, names_secret

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
_WORD = r"""(?: \"(?:[^"]|"")*+\" | (?!(?:null|default)\b) [^\s,;()$"=]++ ) (?!\ ?[(=])"""
"""One that stands for itself, and is not called, nor the next column of an UPDATE."""
_SET = re.compile(
    rf"""(?P<before> \bSET\  (?:(?:LOCAL|SESSION)\ )?+
           (?P<name> (?:[^\W\d][\w$]*+|"(?:[^"]|"")*+") (?:\ ?\.\ ?(?:[^\W\d][\w$]*+|"(?:[^"]|"")*+"))*+ )
           \ ?(?:=|\bTO\b)\ ? )
         {_WORD} (?:\ ?,\ ?{_WORD})*+""",
    re.VERBOSE | re.IGNORECASE,
)


def mask_literals(sql: str) -> str:
    """The same statement on one line, without comments, with `?` for every literal.

    So it is for words that a parameter is set to, where it is a custom one or has the name of a secret. Where
    a quote is not closed, or a backslash leaves open where a string ends, the rest is one literal.
    """
    return _SET.sub(_without_setting, re.sub(r" +", " ", "".join(_pieces(sql))).strip())


def _without_setting(found: re.Match[str]) -> str:
    is_kept = "." not in found["name"] and not names_secret(found["name"])
    return found[0] if is_kept else f"{found['before']}{MASK}"


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
