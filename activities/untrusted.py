"""Text from outside, made fit to be shown: one line, printable, of bounded length."""


def clean(text: str, limit: int = 200) -> str:
    """`text` as one line of at most `limit` characters, without control, format or bidirectional ones.

    Not escaped for any format: whoever renders it does that.
    """
    scanned = text[: 8 * limit]
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in scanned).split())
    cut = len(line) > limit or len(scanned) < len(text)
    return line[: limit - 1].rstrip() + "…" if cut else line
