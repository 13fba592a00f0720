"""Which answers count, and how many of them are needed: by request, policy, clock and who answered before."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.scenes import NOW, policy
from workflows.approval import approvers_of, channel_of, judge
from workflows.models.approval import Answer, Channel, Decision, Request
from workflows.models.policy import Policy

THREE = ("ada", "grace", "margaret")


def request(**changes: Any) -> Request:
    fields = {"id": "r1", "option": "resize", "effect": "8 become 16", "risk": "slots", "approvers": THREE}
    return Request.model_validate(
        {**fields, "requested_at": NOW, "until": NOW + timedelta(minutes=10), **changes}
    )


PENDING, OF_TWO = request(), request(people=2)


def rules(**changes: Any) -> Policy:
    return policy(approval={"approvers": THREE, **changes})


def answer(by: str = "ada", *, approve: bool = True, **changes: Any) -> Answer:
    return Answer.model_validate({"request": "r1", "by": by, "approve": approve, **changes})


def by_link(by: str = "ada", **changes: Any) -> Answer:
    return answer(by, channel=Channel.LINK, **{"digest": PENDING.digest, **changes})


def judged(*answers: Answer, pending: Request | None = PENDING, **changes: Any) -> list[Decision]:
    """One after the other, as an incident takes them."""
    decisions: list[Decision] = []
    for each in answers:
        counted = [decision for decision in decisions if decision.accepted]
        decisions.append(judge(each, pending, counted, rules(**changes), NOW))
    return decisions


def test_one_approval_decides_and_its_way_is_told() -> None:
    for channel, told in (("update", "name claimed by command"), ("signal", "name claimed by signal")):
        (decision,) = judged(answer(channel=channel))
        assert (decision.accepted, decision.is_final) == (True, True)
        assert decision.message == f"approved by ada ({told})"
    (decision,) = judged(by_link(reason="now is fine"))
    assert decision.message == "approved by ada (by their own link): now is fine"


def test_two_different_people_have_to_approve() -> None:
    first, again, second, late = judged(
        answer(), answer(), answer("grace"), answer("margaret"), pending=OF_TWO, people=2
    )
    assert (first.accepted, first.is_final, first.message) == (
        True,
        False,
        "approved by ada (name claimed by command), and one more has to",
    )
    assert (again.accepted, again.message) == (
        False,
        "ada has approved it already; another person has to as well",
    )
    assert (second.accepted, second.is_final) == (True, True)
    assert (late.accepted, late.is_late) == (False, True)
    assert "already decided at" in late.message
    assert approvers_of([first, again, second, late], "r1") == ("ada", "grace")


def test_another_spelling_of_a_name_is_not_another_person() -> None:
    pending = request(people=2, approvers=("ada", "Ada", "grace"))
    first, again = judged(answer(), answer("Ada"), pending=pending)
    assert (first.accepted, again.accepted) == (True, False)


@pytest.mark.parametrize("who", ["ada", "grace"])
def test_one_refusal_ends_it_even_of_who_had_approved(who: str) -> None:
    first, refused, late = judged(
        answer(), answer(who, approve=False), answer("margaret"), pending=OF_TWO, people=2
    )
    assert (first.accepted, first.is_final) == (True, False)
    assert (refused.accepted, refused.is_final) == (True, True)
    assert (late.accepted, late.is_late) == (False, True)


def test_approvals_of_an_earlier_request_are_none_of_this_one() -> None:
    earlier = judge(answer(request="r0"), request(id="r0", people=2), [], rules(), NOW)
    decided = judge(answer("grace", request="r0", approve=False), request(id="r0"), [earlier], rules(), NOW)
    for who in ("ada", "grace"):
        decision = judge(answer(who), OF_TWO, [earlier, decided], rules(), NOW)
        assert (decision.accepted, decision.is_final) == (True, False)


@pytest.mark.parametrize(
    ("given", "pending", "told"),
    [
        (by_link(digest="0" * 32), PENDING, "made for another effect"),
        (by_link(digest=""), PENDING, "made for another effect"),
        (by_link(), request(effect="8 become 80"), "made for another effect"),
        (by_link(), request(risk="none"), "made for another effect"),
        (by_link(), request(id="r2"), "the request that waits is r2"),
        (by_link(), None, "nothing is waiting"),
        (by_link(), request(until=NOW), "expired at"),
        (by_link("mallory"), PENDING, "mallory may not decide this"),
        (by_link("Ada"), PENDING, "Ada may not decide this"),
    ],
)
@pytest.mark.parametrize("approve", [True, False])
def test_a_link_is_bound_to_person_request_and_effect(
    given: Answer, pending: Request | None, told: str, *, approve: bool
) -> None:
    (decision,) = judged(given.model_copy(update={"approve": approve}), pending=pending)
    assert (decision.accepted, decision.is_late) == (False, False)
    assert told in decision.message


def test_links_count_where_signals_do_not() -> None:
    (link,) = judged(by_link(), claimed_names=False)
    (signal,) = judged(answer(channel="signal"), claimed_names=False)
    assert (link.accepted, signal.accepted) == (True, False)


@pytest.mark.parametrize(
    ("payloads", "channel"),
    [
        (({"request": "r1", "by": "ada", "channel": "link"},), Channel.LINK),
        (({"request": "r1", "by": "ada", "channel": "signal"},), Channel.UPDATE),
        (({"request": "r1", "by": "ada"},), Channel.UPDATE),
        (("r1", "ada"), Channel.UPDATE),
        ((["link"],), Channel.UPDATE),
        ((), Channel.UPDATE),
    ],
)
def test_an_update_is_a_command_unless_it_says_that_it_came_by_a_link(
    payloads: tuple[Any, ...], channel: Channel
) -> None:
    assert channel_of(payloads) is channel


@pytest.mark.parametrize("approvers", [("ada",), ("ada", "ada"), ("ada", "Ada")])
def test_two_people_have_to_be_there_to_approve(approvers: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="2 have to approve, but approvers names 1"):
        policy(approval={"approvers": approvers, "people": 2})


def test_only_approvers_are_reached() -> None:
    routes = {"grace": ["grace"], "eve": ["eve"], "ada": ["ada"]}
    assert rules(routes=routes).approval.reached == ("ada", "grace")
