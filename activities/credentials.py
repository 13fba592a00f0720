"""Takes credentials out of text that others wrote, where they stand as people and programs write them.

Patterns give nothing back, or a bounded number of signs: a line made against them costs what any other line
of its length does.
"""

import re

MASK = "?"
_WORDS = r"""passw(?:or)?d|passphrase|passcode|passkey|pwd|secret|token|jwt|bearer|credentials?|signature
    |sess(?:ion)?[_-]?id|(?:api|access|private|session)[_ -]?key"""
# Short ones are words of their own, or begin one in the middle: `bypass=` and `passed:` are neither.
_SHORT = r"(?<![a-z])(?:pass|pw)(?![a-z]) | (?-i:(?<=[a-z])(?:Pass|Pw))(?![a-z])"
_HEADERS = r"authorization|cookies?2?"
_REST = r"[\w.-]{0,60}+"
"""What else a name has behind such a word; with a bound, since each word of a long run begins a name."""
_SEPARATOR = r"""\\*+ ["']?+ \s*+ (?:=>|[:=]) \s*+"""
# A mark that could part values belongs to one, unless a blank, another mark or the next name is behind it.
_BARE = (
    r"""(?: [^\s,;&"')}\]] | [,;&)}\]] (?! [\s,;&"')}\]] | \Z | [\w.-]{1,40}+ \\*+ ["']?+ \s? [=:] ) )++"""
)
# With what stands before a quote, as in b"…" and SecretStr("…"). One that is not closed goes on to the end.
_QUOTED = (
    r"""(?: [\w.]{0,30}+ \(?+ )?+ (?: "(?:[^"\\]|\\.)*+\\?(?:"|\Z) | '(?:[^'\\]|''|\\.)*+\\?(?:'|\Z) )"""
)
# Behind an escaped quote or an opening bracket nobody knows where it ends.
_VALUE = rf"(?: {_QUOTED} | [\\\[({{].* | (?:(?:bearer|basic|token)\s++)? {_BARE} )"
_FLAGS = re.VERBOSE | re.IGNORECASE | re.DOTALL

_SECRET_NAME = re.compile(rf"{_WORDS} | {_SHORT} | {_HEADERS}", _FLAGS)
_NAMED = re.compile(rf"(?P<name> (?:{_WORDS}|{_SHORT}) {_REST} {_SEPARATOR}) {_VALUE}", _FLAGS)
# Their values are several words, of which any may be the secret one.
_HEADED = re.compile(
    rf"""(?P<name> (?:{_HEADERS}) {_REST} {_SEPARATOR})
         (?: {_QUOTED} | (?:bearer|basic|token)\s++ {_BARE} | (?!\?(?:[\s,;&"')}}\]]|\Z)) .+ )""",
    _FLAGS,
)
# Neither is ever followed by prose.
_SPACED = re.compile(
    rf"""(?P<name> (?: \b(?:pgpassword|mysql_pwd)
                  | (?<!\S)--[\w-]{{0,60}}(?:{_WORDS}|{_SHORT}) {_REST} ) \s++) {_VALUE}""",
    _FLAGS,
)
_BEARER = re.compile(r"\b(bearer|basic)\s+(?=\S*[\d=+/_-])[\w.~+/=-]{8,}", re.IGNORECASE)
_SIGNED = re.compile(r"(?<![\w-])eyJ[\w.-]{8,}+")
"""A JSON Web Token, wherever it stands."""
_WORD = re.compile(r"\S+")


def mask_credentials(text: str) -> str:
    """The same text with `?` for what stands before an address's `@`, behind `password=`, or behind `Bearer`.

    Rather too much than too little: whatever looks like one of these is taken out.
    """
    text = _WORD.sub(_without_login, text)
    for pattern in (_HEADED, _NAMED, _SPACED):
        text = pattern.sub(lambda found: f"{found['name']}{MASK}", text)
    return _SIGNED.sub(MASK, _BEARER.sub(rf"\1 {MASK}", text))


def names_secret(name: str) -> bool:
    """Whether what goes by that name is to be kept from everybody."""
    return _SECRET_NAME.search(name) is not None


def _without_login(word: re.Match[str]) -> str:
    head, scheme, address = word[0].partition("://")
    return f"{head}{scheme}{MASK}@{address.rpartition('@')[2]}" if "@" in address else word[0]
