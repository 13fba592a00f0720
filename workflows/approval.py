"""Reading and judging the answers of people. Pure: what decides is the request, the policy and the clock."""

import json
from typing import Any

from pydantic import ValidationError

from workflows.models.approval import PIPELINE, Answer, Channel, Decision, Request
from workflows.models.base import Moment
from workflows.models.plan import Proposal
from workflows.models.policy import Policy
from workflows.models.text import LONGEST_NAME, clean, is_name

_FIELDS = ("request", "by", "reason")
_EXAMPLE = {"request": "<id>", "by": "<your name>", "approve": True}


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


def approval_request(proposal: Proposal, policy: Policy, id: str, now: Moment) -> Request:  # noqa: A002
    """What a person is asked: nothing but what the act would really do."""
    return Request(
        id=id,
        option=proposal.act.option,
        effect=proposal.effect,
        risk=proposal.risk,
        approvers=policy.approval.approvers,
        requested_at=now,
        until=now + policy.approval.expires_after,
    )


def judge(
    answer: Answer, pending: Request | None, won: Decision | None, policy: Policy, now: Moment
) -> Decision:
    """Whether the answer counts, and if not, why, in words for the one who gave it."""
    refusal = _refusal(answer, pending, won, policy, now)
    said = f"{'approved' if answer.approve else 'rejected'} by {answer.by} ({_standing(answer)})"
    return Decision(
        request=answer.request,
        accepted=refusal is None,
        approve=answer.approve,
        by=answer.by,
        at=now,
        message=refusal or (f"{said}: {answer.reason}" if answer.reason else said),
        reason=answer.reason,
    )


def _standing(answer: Answer) -> str:
    """No way in proves a name, and the audit is to say so."""
    return f"name claimed by {'signal' if answer.channel is Channel.SIGNAL else 'command'}"


def _refusal(
    answer: Answer, pending: Request | None, won: Decision | None, policy: Policy, now: Moment
) -> str | None:
    if won is not None and won.request == answer.request:
        return f"already decided: {won.message}"
    if pending is None:
        return "nothing is waiting for approval; nothing was changed"
    if answer.request != pending.id:
        return f"the request that waits is {pending.id}; this answer is for another one and changes nothing"
    if now >= pending.until:
        return f"the request expired at {pending.until:%H:%M:%S} UTC; a new one follows if it is still needed"
    if answer.by not in pending.approvers:
        return f"{answer.by} may not decide this; {', '.join(pending.approvers)} may"
    if answer.channel is Channel.SIGNAL and not policy.approval.claimed_names:
        return "the policy takes no answer by signal; answer with `poolmedic approve` or `poolmedic reject`"
    return None
