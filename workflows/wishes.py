"""What people want of a temporary size, and whether it counts. Pure."""

import json
from collections.abc import Sequence
from typing import Any

from workflows.approval import STANDING, UnreadableAnswer, read_name
from workflows.models.approval import Channel
from workflows.models.base import Moment
from workflows.models.change import Said, Wish
from workflows.models.policy import Approval

_MOST = 50
"""Words that counted are kept, and as many that did not: a flood of those hides none of the others."""
_SHOWN = 10
_DONE = {Wish.KEEP: "kept for good", Wish.EXTEND: "extended", Wish.END: "ended"}


def read_wish(payloads: tuple[Any, ...]) -> tuple[Wish, str]:
    """What is wanted, and who says so: `{"wish": "keep", "by": name}`.

    Raises:
        UnreadableAnswer: something else was sent, or no name.
    """
    given = payloads[0] if len(payloads) == 1 else None
    try:
        wish = Wish(given.get("wish", "")) if isinstance(given, dict) else None
    except ValueError:
        wish = None
    if wish is None:
        example = json.dumps({"wish": "keep", "by": "<your name>"})
        raise UnreadableAnswer(f"what is wanted could not be read; send {example}, or extend or end")
    return wish, read_name(payloads)


def judge(
    wish: Wish, by: str, channel: Channel, approval: Approval, earlier: Sequence[Said], now: Moment
) -> Said:
    """Whether it counts, and if not, why, in words for the one who said it.

    To end it is open to everybody: it only brings sooner what comes anyway, and whoever sees the server run
    out of slots must not have to look for an approver.
    """
    before = _approved(wish, earlier)
    refusal = None if wish is Wish.END else _refusal(wish, by, channel, approval, before)
    waits = refusal is None and wish is not Wish.END and len(before) + 1 < approval.people
    return Said(
        wish=wish,
        by=by,
        at=now,
        accepted=refusal is None,
        message=refusal or _counts(wish, by, channel, waits=waits),
        is_final=not waits,
    )


def obeyed(said: Said, channel: Channel) -> Said:
    """As an earlier version took it, which asked nobody's name."""
    message = _counts(said.wish, said.by, channel, waits=False)
    return said.model_copy(update={"accepted": True, "is_final": True, "message": message})


def kept(said: Sequence[Said]) -> tuple[Said, ...]:
    """Those that are kept, the oldest first."""
    of_each = [[each for each in said if each.accepted is accepted][-_MOST:] for accepted in (True, False)]
    return tuple(sorted([*of_each[0], *of_each[1]], key=lambda each: each.at))


def describe(said: Sequence[Said]) -> list[str]:
    """A line for each of the last ones."""
    return [
        f"{each.at:%Y-%m-%d %H:%M:%S} UTC, {each.wish} by {each.by}: {each.message}"
        for each in said[-_SHOWN:]
    ]


def _approved(wish: Wish, earlier: Sequence[Said]) -> list[str]:
    """Who wants the same, since it was granted last."""
    names = list[str]()
    for each in earlier:
        if each.wish is wish and each.accepted:
            names = [] if each.is_final else [*names, each.by]
    return names


def _refusal(wish: Wish, by: str, channel: Channel, approval: Approval, before: list[str]) -> str | None:
    if by not in approval.approvers:
        may = f"{', '.join(approval.approvers)} may" if approval.approvers else "the policy names no approver"
        return f"{by} may not decide this; {may}"
    if channel is Channel.SIGNAL and not approval.claimed_names:
        return f"the policy takes no answer by signal; say it with `poolmedic size {wish} TARGET --by YOU`"
    if by.casefold() in {name.casefold() for name in before}:
        return f"{by} has said it already; another person has to as well"
    return None


def _counts(wish: Wish, by: str, channel: Channel, *, waits: bool) -> str:
    what = f"{wish} wanted" if waits else _DONE[wish]
    return f"{what} by {by} ({STANDING[channel]}){', and one more has to' if waits else ''}"
