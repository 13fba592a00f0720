"""Whatever the evidence: there is a diagnosis, and it calls nothing leaked or healthy without proof."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit import arbitrary, arbitrary_cases
from workflows.contention import describe_contention
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause, Finding
from workflows.models.evidence import Evidence
from workflows.models.policy import Policy
from workflows.models.reading import Known
from workflows.models.target import Target
from workflows.ownership import can_be_leaked, cancellable


@settings(max_examples=150)
@given(
    arbitrary.evidences(),
    st.none() | arbitrary.evidences(),
    arbitrary_cases.targets(),
    arbitrary_cases.policies(),
)
def test_whatever_the_evidence_there_is_a_diagnosis(
    look: Evidence, previous: Evidence | None, subject: Any, rules: Policy
) -> None:
    diagnosis = diagnose(look, previous, subject, rules)

    assert diagnosis.findings
    assert set(diagnosis.pools) == {instance.name for instance in subject.instances}
    ranked = [each.confidence for each in diagnosis.findings]
    assert ranked == sorted(ranked, reverse=True)
    assert all(each.reasons for each in diagnosis.findings)
    assert diagnosis == diagnose(look, previous, subject, rules)


@settings(max_examples=150)
@given(
    arbitrary.evidences(),
    st.none() | arbitrary.evidences(),
    arbitrary_cases.targets(),
    arbitrary_cases.policies(),
)
def test_whatever_the_evidence_only_own_old_idle_transactions_are_called_leaked(
    look: Evidence, previous: Evidence | None, subject: Any, rules: Policy
) -> None:
    seen = look.database.value.sessions if isinstance(look.database, Known) else ()
    for found in diagnose(look, previous, subject, rules).findings:
        if found.cause is Cause.SLOW:
            _check_slow(found, look, subject, rules)
            continue
        for each in found.sessions:
            assert each in seen
            assert can_be_leaked(each, subject)
            assert each.state_seconds > rules.thresholds.leak_age.total_seconds()
            assert found.cause in {Cause.LEAK, Cause.LOCK}


def _check_slow(found: Finding, look: Evidence, subject: Target, rules: Policy) -> None:
    """Own statements of one shape alone that run, each for too long, where the database holds nobody up."""
    assert isinstance(look.database, Known)
    sessions = look.database.value.sessions
    assert describe_contention(sessions, subject) is None
    for each in found.sessions:
        assert each in sessions
        assert each.statement in cancellable(sessions, subject)
        assert each.query_id == found.query_id
        assert each.state_seconds > rules.thresholds.slow_age.total_seconds()


@settings(max_examples=150)
@given(arbitrary.evidences(), arbitrary_cases.targets(), arbitrary_cases.policies())
def test_healthy_needs_every_instance_to_answer(look: Evidence, subject: Any, rules: Policy) -> None:
    diagnosis = diagnose(look, None, subject, rules)
    if diagnosis.first.cause is Cause.HEALTHY:
        assert all(isinstance(reading, Known) for reading in diagnosis.pools.values())
        assert isinstance(look.application, Known)
        for instance in subject.instances:
            answer = look.application.value.instances[instance.name]
            assert isinstance(answer, Known)
            assert isinstance(answer.value.probe_seconds, Known)
    else:
        causes = {each.cause for each in diagnosis.findings}
        assert Cause.HEALTHY not in causes
