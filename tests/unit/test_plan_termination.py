"""Which leaked sessions are ended first, how many at once, and when not without approval."""

from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.plans import decide, leak_of, proposed, terminated
from tests.unit.scenes import evidence, policy, sessions, target
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence
from workflows.models.plan import HandOver, Proposal, Restart, Termination
from workflows.models.policy import Mode, Option, Permission
from workflows.models.target import Target


def test_a_leak_is_ended_in_a_wave_oldest_first() -> None:
    proposal = proposed(decide(evidence()))

    assert [each.pid for each in terminated(decide(evidence())).sessions] == list(range(100, 110))
    assert (proposal.cause, proposal.permission) == (Cause.LEAK, Permission.ALONE)
    assert proposal.effect.startswith(
        "End 10 sessions of shop in shop (shop-api, idle in transaction, for 99 s to 108 s), "
        "each only if it is still exactly as seen: pid 100, 101, 102"
    )
    assert proposal.effect.endswith(" 8 leaked sessions would be left for after a look.")
    assert proposal.why.startswith("18 sessions idle in transaction")
    assert proposal.risk == (
        "Their transactions are rolled back; code that still uses one of them gets an error."
    )


@pytest.mark.parametrize(
    ("limits", "count"),
    [
        ({"sessions_per_act": 3}, 3),
        ({"sessions_per_act": 50}, 18),
        ({"share_of_sessions": 0.2}, 4),
        ({"share_of_sessions": 0.24}, 4),
        ({"sessions_per_act": 2, "share_of_sessions": 0.5}, 2),
    ],
)
def test_a_wave_keeps_to_count_and_share(limits: dict[str, Any], count: int) -> None:
    assert len(terminated(decide(evidence(), rules=policy(limits=limits))).sessions) == count


def test_a_share_that_allows_no_session_at_all_leaves_it_out() -> None:
    decided = decide(evidence(), rules=policy(limits={"share_of_sessions": 0.01}))

    assert isinstance(proposed(decided).act, Restart)
    assert decided.left_out == (
        "End leaked sessions: the policy's share of the sessions allows none at once.",
    )


def test_those_that_have_written_wait_until_the_others_are_ended() -> None:
    written = [scenes.session(pid, 300, has_written=True) for pid in range(1, 10)]

    mixed = proposed(decide(leak_of(written + sessions(9))))
    only = proposed(decide(leak_of(written)))

    assert mixed.permission is Permission.ALONE
    assert isinstance(mixed.act, Termination)
    assert all(each.pid >= 100 for each in mixed.act.sessions)
    assert only.permission is Permission.APPROVAL
    assert "9 (has written)" in only.effect
    assert only.risk.endswith("The uncommitted changes of 1, 2, 3, 4, 5, 6, 7, 8, 9 (pid) are lost.")


def test_an_advisory_lock_needs_the_same_approval_and_is_named_on_its_own() -> None:
    holders = [scenes.session(pid, 300, holds_advisory_lock=True) for pid in range(1, 10)]

    mixed = proposed(decide(leak_of(holders + sessions(9))))
    only = proposed(decide(leak_of(holders)))
    restart = proposed(decide(leak_of(holders, can_terminate=False)))

    assert mixed.permission is Permission.ALONE
    assert isinstance(mixed.act, Termination)
    assert all(each.pid >= 100 for each in mixed.act.sessions)
    assert only.permission is Permission.APPROVAL
    assert "9 (holds an advisory lock)" in only.effect
    assert only.risk.endswith(
        "The advisory locks of 1, 2, 3, 4, 5, 6, 7, 8, 9 (pid) are free for others at once."
    )
    assert "changes" not in only.risk
    assert (restart.act.option, restart.permission) == (Option.RESTART, Permission.APPROVAL)


def test_where_all_need_approval_the_oldest_come_first_whether_they_have_written_or_not() -> None:
    written = [scenes.session(pid, 300, has_written=True) for pid in range(1, 5)]
    rules = policy(mode=Mode.APPROVE)

    proposal = proposed(decide(leak_of(written + sessions(9)), rules=rules))

    assert proposal.permission is Permission.APPROVAL
    assert isinstance(proposal.act, Termination)
    assert [each.pid for each in proposal.act.sessions] == [1, 2, 3, 4, *range(100, 106)]


def test_observe_computes_the_same_proposal() -> None:
    observed = proposed(decide(evidence(), rules=policy(mode=Mode.OBSERVE)))

    assert observed == proposed(decide(evidence()))


@pytest.mark.parametrize(
    ("look", "subject", "options", "words"),
    [
        (evidence(), target(), {"restart": "alone"}, "the policy never allows it"),
        (
            evidence(),
            scenes.with_database(target(), transaction_pooler=True),
            {"terminate": "alone", "restart": "alone"},
            "behind a transaction pooler",
        ),
        (
            leak_of(sessions(18), can_terminate=False),
            target(),
            {"terminate": "alone", "restart": "alone"},
            "does not let poolmedic end sessions of shop",
        ),
    ],
    ids=["never", "pooler", "no right"],
)
def test_where_no_session_may_be_ended_the_next_option_is_a_restart(
    look: Evidence, subject: Target, options: dict[str, str], words: str
) -> None:
    decided = decide(look, subject=subject, rules=policy(options=options))

    assert isinstance(proposed(decided).act, Restart)
    (reason,) = decided.left_out
    assert words in reason


def test_what_needs_approval_is_left_out_where_nobody_may_give_it() -> None:
    rules = policy(approval={}, options={"terminate": "alone", "restart": "alone"})
    look = leak_of([scenes.session(pid, 300, has_written=True) for pid in range(1, 10)])

    decided = decide(look, rules=rules)

    assert decided.step == HandOver(reason="connections leak, and no option is left")
    assert [each.split(":")[0] for each in decided.left_out] == ["terminate", "restart"]
    assert "approval.approvers names nobody" in decided.left_out[0]
    assert isinstance(decide(look, rules=rules.model_copy(update={"mode": Mode.OBSERVE})).step, Proposal)
