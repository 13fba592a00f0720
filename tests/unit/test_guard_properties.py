"""Whatever is read: a refusal is a sentence, and what is allowed has every guard."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit import arbitrary, arbitrary_cases
from tests.unit.guards import RESIZE, RESTART, WAVE, check
from tests.unit.scenes import NOW
from workflows.diagnosis import diagnose
from workflows.models.evidence import Evidence
from workflows.models.outcome import Attempt
from workflows.models.plan import Proposal
from workflows.models.policy import Mode, Policy
from workflows.models.reading import Known
from workflows.models.target import Target
from workflows.plan import plan


@settings(max_examples=150)
@given(
    st.sampled_from((WAVE, RESTART, RESIZE)),
    arbitrary.evidences(),
    arbitrary.readings(arbitrary.applications()),
    arbitrary.readings(st.sampled_from((None, None, None, "by ada"))),
    arbitrary_cases.targets(),
    arbitrary_cases.policies(),
    arbitrary_cases.attempts(),
)
def test_whatever_is_read_a_refusal_is_a_sentence_and_an_act_has_every_guard(
    proposal: Proposal,
    look: Evidence,
    pages: Any,
    silence: Any,
    subject: Target,
    rules: Policy,
    attempts: tuple[Attempt, ...],
) -> None:
    refusal = check(
        proposal,
        evidence=look,
        pages=pages,
        silence=silence,
        target=subject,
        policy=rules,
        attempts=attempts,
        approved_by="ada",
    )

    assert refusal is None or refusal.strip()
    if refusal is None:
        assert rules.mode is not Mode.OBSERVE
        assert isinstance(silence, Known)
        assert silence.value is None
        assert isinstance(pages, Known)


@settings(max_examples=150)
@given(arbitrary.evidences(), arbitrary_cases.targets(), arbitrary_cases.policies())
def test_what_the_plan_proposes_from_a_look_is_within_the_guard_s_limits(
    look: Evidence, subject: Target, rules: Policy
) -> None:
    diagnosis = diagnose(look, None, subject, rules)
    step = plan(diagnosis, look, (), subject, rules, NOW).step
    if not isinstance(step, Proposal):
        return
    refusal = check(
        step,
        evidence=look,
        pages=look.application,
        target=subject,
        policy=rules.model_copy(update={"mode": Mode.AUTO}),
        approved_by="ada",
    )

    # Only what the second look at the pools says may refuse: every limit was kept.
    assert refusal is None or refusal.startswith("web-")
