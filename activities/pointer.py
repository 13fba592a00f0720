"""JSON pointers (RFC 6901) into what an application's page says."""

from pydantic_core import from_json

from activities.missing import Missing


def parse(body: bytes) -> object:
    """The page's document; Missing when it is not JSON. NaN and infinities are not."""
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        raise Missing("the page is not JSON") from None


def resolve(document: object, pointer: str) -> object:
    """What the pointer leads to; Missing when it leads nowhere."""
    here = document
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict) and key in here:
            here = here[key]
        elif isinstance(here, list) and key.isascii() and key.isdigit() and int(key) < len(here):
            here = here[int(key)]
        else:
            raise Missing(f"the page has nothing at {pointer}")
    return here
