"""Who may keep, extend or end a temporary size, and what is written down of it."""

from datetime import timedelta

import pytest

from tests.unit.scenes import NOW
from workflows import wishes
from workflows.models.approval import Channel
from workflows.models.change import Said, Wish
from workflows.models.policy import Approval

RULES = Approval(approvers=("ada", "grace"))
STRICT = Approval(approvers=("ada", "grace"), claimed_names=False)
FOUR_EYES = Approval(approvers=("ada", "grace"), people=2)


def say(
    wish: Wish,
    by: str = "ada",
    *earlier: Said,
    rules: Approval = RULES,
    channel: Channel = Channel.SIGNAL,
) -> Said:
    return wishes.judge(wish, by, channel, rules, earlier, NOW)


@pytest.mark.parametrize("wish", [Wish.KEEP, Wish.EXTEND])
def test_only_an_approver_keeps_or_extends_it(wish: Wish) -> None:
    assert say(wish).accepted
    for channel in (Channel.SIGNAL, Channel.UPDATE):
        assert say(wish, "eve", channel=channel).message == "eve may not decide this; ada, grace may"
    nobody = say(wish, rules=Approval())
    assert (nobody.accepted, nobody.message) == (
        False,
        "ada may not decide this; the policy names no approver",
    )


@pytest.mark.parametrize("wish", [Wish.KEEP, Wish.EXTEND])
def test_where_the_policy_takes_no_claimed_name_a_signal_does_not_count(wish: Wish) -> None:
    refused = say(wish, rules=STRICT)
    assert not refused.accepted
    assert f"`poolmedic size {wish} TARGET --by YOU`" in refused.message
    assert say(wish, rules=STRICT, channel=Channel.UPDATE).accepted


def test_anybody_ends_it_by_any_way() -> None:
    said = say(Wish.END, "eve", rules=STRICT)
    assert (said.accepted, said.message) == (True, "ended by eve (name claimed by signal)")


@pytest.mark.parametrize("wish", [Wish.KEEP, Wish.EXTEND])
def test_where_two_have_to_approve_two_have_to_say_it(wish: Wish) -> None:
    first = say(wish, rules=FOUR_EYES)
    assert (first.accepted, first.is_final) == (True, False)
    assert first.message.endswith("(name claimed by signal), and one more has to")
    again = say(wish, "ada", first, rules=FOUR_EYES)
    assert (again.accepted, again.message) == (
        False,
        "ada has said it already; another person has to as well",
    )
    second = say(wish, "grace", first, again, rules=FOUR_EYES)
    assert (second.accepted, second.is_final) == (True, True)
    assert not say(wish, "grace", first, again, second, rules=FOUR_EYES).is_final
    other = Wish.EXTEND if wish is Wish.KEEP else Wish.KEEP
    assert not say(other, "grace", first, rules=FOUR_EYES).is_final


def test_a_flood_of_words_that_do_not_count_hides_none_that_did() -> None:
    said: tuple[Said, ...] = (say(Wish.EXTEND),)
    for number in range(200):
        late = NOW + timedelta(seconds=number + 1)
        said = wishes.kept((*said, say(Wish.KEEP, f"eve{number}").model_copy(update={"at": late})))
    assert len(said) == 51
    assert said[0].accepted
    assert said[-1].by == "eve199"
    assert "keep by eve199: eve199 may not decide this" in wishes.describe(said)[-1]
