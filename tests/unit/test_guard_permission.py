"""What must allow an act: mode, policy, approval, and no silence."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.guards import NOBODY, RESIZE, RESTART, WAVE, check, no_right, undersized
from tests.unit.scenes import GONE, NOW, known, policy
from workflows.models.plan import Proposal
from workflows.models.policy import Mode, Permission, Policy


def test_nothing_refuses_what_is_allowed() -> None:
    assert check() is None
    assert check(RESTART, evidence=no_right()) is None
    assert check(RESIZE, evidence=undersized(), approved_by="ada") is None


@pytest.mark.parametrize(
    ("proposal", "rules", "approved_by", "refusal"),
    [
        (WAVE, policy(mode=Mode.OBSERVE), "ada", "the mode is observe"),
        (WAVE, policy(options={"restart": "alone"}), "ada", "the policy never allows terminate"),
        (
            WAVE.model_copy(update={"permission": Permission.NEVER}),
            policy(),
            "ada",
            "the policy never allows terminate",
        ),
        (RESIZE, policy(), None, "resize needs approval, and nobody approved it"),
        (WAVE, policy(mode=Mode.APPROVE), None, "terminate needs approval, and nobody approved it"),
        (
            WAVE.model_copy(update={"permission": Permission.APPROVAL}),
            policy(),
            None,
            "terminate needs approval, and nobody approved it",
        ),
        (WAVE, policy(mode=Mode.APPROVE), "ada", None),
    ],
)
def test_mode_policy_and_approval(
    proposal: Proposal, rules: Policy, approved_by: str | None, refusal: str | None
) -> None:
    assert check(proposal, policy=rules, approved_by=approved_by) == refusal


@pytest.mark.parametrize(
    ("silence", "refusal"),
    [
        (NOBODY, None),
        (known("by ada: maintenance"), "the alert is silenced: by ada: maintenance"),
        (known(""), "the alert is silenced: "),
        (GONE, "whether the alert is silenced could not be read: connection refused"),
        (
            known(None, NOW - timedelta(minutes=3)),
            "whether the alert is silenced could not be read: the last reading is 3 min old, more than 60 s",
        ),
    ],
)
def test_a_silence_refuses_and_so_does_one_that_cannot_be_read(silence: Any, refusal: str | None) -> None:
    assert check(silence=silence) == refusal
