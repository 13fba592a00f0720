"""Takes credentials out of text that others wrote, where they stand as people and programs write them."""

import re

MASK = "?"
_IN_ADDRESS = re.compile(r"(?<=://)\S*@")
_WORDS = r"passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?"
# Nothing of a name is given back once it is read: a line of nothing but such words would take a minute.
_NAMED = re.compile(
    rf"""(?P<name> (?:{_WORDS}|authorization) [\w.-]*+ ["']?+ \s*+ (?:=>|[:=]) \s* )
         (?: "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | (?:(?:bearer|basic|token)\s+)? [^\s,;&"')}}\]]+ )""",
    re.VERBOSE | re.IGNORECASE,
)
_BEARER = re.compile(r"\b(bearer|basic)\s+(?=\S*[\d=+/_-])[\w.~+/=-]{8,}", re.IGNORECASE)


def mask_credentials(text: str) -> str:
    """The same text with `?` for what stands before an address's `@`, behind `password=`, or behind `Bearer`.

    Rather too much than too little: whatever looks like one of these is taken out.
    """
    text = _IN_ADDRESS.sub(f"{MASK}@", text)
    text = _NAMED.sub(lambda found: f"{found['name']}{MASK}", text)
    return _BEARER.sub(rf"\1 {MASK}", text)
