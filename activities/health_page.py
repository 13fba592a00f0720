"""The health page: the application's own word for how it is, and its checks."""

from typing import NamedTuple

from activities.http_source import Answer, describe_status
from activities.missing import Missing
from activities.pointer import parse, resolve
from activities.profiles.profile import HealthPage
from workflows.models.text import clean

LONGEST_WORD = 40
MOST_CHECKS = 20


class Health(NamedTuple):
    """Words of the application, cut and cleaned."""

    status: str
    checks: dict[str, str]


def read(answer: Answer, page: HealthPage) -> Health:
    """Whatever the status of the answer is: an unwell application still says how it is."""
    if page.status is None:
        return Health(describe_status(answer.status), {})
    try:
        document = parse(answer.body)
        status = _word(resolve(document, page.status))
    except Missing as missing:
        return Health(f"unreadable ({describe_status(answer.status)}): {missing}", {})
    return Health(status, _checks(document, page))


def _checks(document: object, page: HealthPage) -> dict[str, str]:
    try:
        checks = resolve(document, page.checks) if page.checks is not None else {}
    except Missing:
        return {}
    if not isinstance(checks, dict):
        return {}
    return {
        clean(str(name), LONGEST_WORD): _told(check) for name, check in list(checks.items())[:MOST_CHECKS]
    }


def _told(check: object) -> str:
    """A check is a word, or an object with its word as `status`."""
    try:
        return _word(check.get("status") if isinstance(check, dict) else check)
    except Missing:
        return "unreadable"


def _word(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Missing("the status is no word")
    return clean(str(value), LONGEST_WORD)
