"""Reading and judging the answers of people. Pure: what decides is the request, the policy and the clock."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from workflows.models.approval import PIPELINE, Answer, Channel, Decision, Request
from workflows.models.base import Moment
from workflows.models.plan import Proposal
from workflows.models.policy import Approval, Policy
from workflows.models.text import LONGEST_NAME, clean, is_name

_FIELDS = ("request", "by", "reason")
_EXAMPLE = {"request": "<id>", "by": "<your name>", "approve": True}
STANDING = {
    Channel.SIGNAL: "name claimed by signal",
    Channel.UPDATE: "name claimed by command",
    Channel.LINK: "by their own link",
}
"""What proves the name, for the audit."""


class UnreadableAnswer(ValueError):
    """An answer that cannot be understood; the message tells the person how to write it."""


def read_answer(payloads: tuple[Any, ...], **known: Any) -> Answer:  # noqa: ANN401 - checked by the model
    """An answer from whatever was sent: one object, or the texts request, name, reason.

    What the way it came says already is `known`, whatever the sender says.

    Raises:
        UnreadableAnswer: something else was sent, or no name.
    """
    given = payloads[0] if len(payloads) == 1 else dict(zip(_FIELDS, payloads, strict=False))
    try:
        answer = Answer.model_validate({**given, **known})
    except (ValidationError, TypeError):
        example = {name: value for name, value in _EXAMPLE.items() if name not in known}
        raise UnreadableAnswer(f"the answer could not be read; send {json.dumps(example)}") from None
    if not is_name(answer.by):
        raise UnreadableAnswer("the answer has no name; say in `by` who decides")
    return answer


def channel_of(payloads: tuple[Any, ...]) -> Channel:
    """How an update came: by a link where it says so, as the page behind links does; else by command."""
    given = payloads[0] if len(payloads) == 1 else None
    is_by_link = isinstance(given, dict) and given.get("channel") == Channel.LINK
    return Channel.LINK if is_by_link else Channel.UPDATE


def read_name(payloads: tuple[Any, ...]) -> str:
    """Who acknowledged: an object with `by`, or a text.

    Raises:
        UnreadableAnswer: there is no name.
    """
    given = payloads[0] if len(payloads) == 1 else None
    said = given.get("by") if isinstance(given, dict) else given
    name = clean(said, LONGEST_NAME) if isinstance(said, str) else ""
    if not is_name(name):
        raise UnreadableAnswer('the acknowledgement has no name; send {"by": "<your name>"}')
    if name.casefold() == PIPELINE:
        raise UnreadableAnswer(f"{name} is no name of a person; send your own")
    return name


def approval_request(proposal: Proposal, approval: Approval, id: str, now: Moment) -> Request:  # noqa: A002
    """What a person is asked: nothing but what the act would really do."""
    return Request(
        id=id,
        option=proposal.act.option,
        effect=proposal.effect,
        risk=proposal.risk,
        approvers=approval.approvers,
        people=approval.people,
        requested_at=now,
        until=now + approval.expires_after,
    )


def approvers_of(decisions: Iterable[Decision], request: str) -> tuple[str, ...]:
    """Whose approvals of that request count."""
    return tuple(each.by for each in decisions if each.request == request and each.accepted and each.approve)


def judge(
    answer: Answer, pending: Request | None, counted: Sequence[Decision], policy: Policy, now: Moment
) -> Decision:
    """Whether the answer counts, and if not, why, in words for the one who gave it.

    `counted` are the answers that counted before, to this request and to earlier ones.
    """
    won = next((each for each in counted if each.request == answer.request and each.is_final), None)
    approved = approvers_of(counted, answer.request)
    refusal = _lateness(won) or _refusal(answer, pending, approved, policy, now)
    waits = refusal is None and pending is not None and _waits(answer, pending, approved)
    return Decision(
        request=answer.request,
        accepted=refusal is None,
        approve=answer.approve,
        by=answer.by,
        at=now,
        message=refusal or _counts(answer, waits=waits),
        reason=answer.reason,
        is_final=not waits,
        is_late=won is not None,
    )


def _lateness(won: Decision | None) -> str | None:
    return f"already decided at {won.at:%H:%M:%S} UTC: {won.message}" if won else None


def _waits(answer: Answer, pending: Request, approved: tuple[str, ...]) -> bool:
    """Whether another person has to approve as well."""
    return answer.approve and len(approved) + 1 < pending.people


def _counts(answer: Answer, *, waits: bool) -> str:
    said = f"{'approved' if answer.approve else 'rejected'} by {answer.by} ({STANDING[answer.channel]})"
    more = ", and one more has to" if waits else ""
    return f"{said}{more}{f': {answer.reason}' if answer.reason else ''}"


def _refusal(
    answer: Answer, pending: Request | None, approved: tuple[str, ...], policy: Policy, now: Moment
) -> str | None:
    if pending is None:
        return "nothing is waiting for approval; nothing was changed"
    if answer.request != pending.id:
        return f"the request that waits is {pending.id}; this answer is for another one and changes nothing"
    if now >= pending.until:
        return f"the request expired at {pending.until:%H:%M:%S} UTC; a new one follows if it is still needed"
    if answer.by not in pending.approvers:
        return f"{answer.by} may not decide this; {', '.join(pending.approvers)} may"
    if answer.approve and answer.by.casefold() in {name.casefold() for name in approved}:
        return f"{answer.by} has approved it already; another person has to as well"
    return _unfit_way(answer, pending, policy)


def _unfit_way(answer: Answer, pending: Request, policy: Policy) -> str | None:
    if answer.channel is Channel.SIGNAL and not policy.approval.claimed_names:
        return "the policy takes no answer by signal; answer with `poolmedic approve` or `poolmedic reject`"
    if answer.channel is Channel.LINK and answer.digest != pending.digest:
        return f"the link was made for another effect than the one that request {pending.id} names"
    return None
