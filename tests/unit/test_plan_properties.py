"""Whatever the evidence: a plan keeps to the limits of its policy."""

from hypothesis import given, settings

from tests.unit import arbitrary, arbitrary_cases, scenes
from tests.unit.scenes import NOW, policy
from workflows.blocking import statement_of
from workflows.diagnosis import diagnose
from workflows.models.blocker import LockRequest
from workflows.models.diagnosis import Cause
from workflows.models.evidence import DatabaseReading, Evidence
from workflows.models.outcome import Attempt
from workflows.models.plan import (
    Cancellation,
    IndexCreation,
    Proposal,
    Resize,
    SessionTimeout,
    Step,
    Termination,
)
from workflows.models.policy import Permission, Policy
from workflows.models.reading import Known
from workflows.models.target import Target
from workflows.ownership import can_be_leaked, cancellable
from workflows.plan import plan
from workflows.processors import excess_of_processors
from workflows.readings import pools_of
from workflows.remedies.session_timeout import SHORTEST
from workflows.slots import fits, ours


def _check_termination(
    step: Proposal, act: Termination, look: Evidence, subject: Target, rules: Policy
) -> None:
    assert isinstance(look.database, Known)
    sessions = look.database.value.sessions
    leaked = {each.identity for each in sessions if can_be_leaked(each, subject)}
    running = {each.identity for each in cancellable(sessions, subject).values()}
    seen = running if step.cause is Cause.SLOW else leaked
    assert set(act.sessions) <= seen
    assert 0 < len(act.sessions) <= rules.limits.sessions_per_act
    assert len(act.sessions) <= rules.limits.share_of_sessions * look.database.value.sessions_total
    assert not subject.database.transaction_pooler
    assert look.database.value.server.can_terminate


def _check_resize(act: Resize, look: Evidence, subject: Target, rules: Policy) -> None:
    assert isinstance(look.database, Known)
    assert subject.reload is not None
    for name, size in act.sizes.items():
        configured = subject.instance(name).pool_size
        assert act.baseline[name] == configured
        assert size <= configured * rules.limits.resize_factor
    pools = {
        name: each.value for name, each in pools_of(look, subject, rules).items() if isinstance(each, Known)
    }
    assert fits(look.database.value, subject, ours(subject, pools), act.sizes)
    assert excess_of_processors(subject, ours(subject, pools), act.sizes) is None


def _check_cancellation(
    step: Proposal, act: Cancellation, look: Evidence, subject: Target, rules: Policy
) -> None:
    assert isinstance(look.database, Known)
    if act.query_id is not None:
        _check_slow_cancel(step, act, look.database.value, subject, rules)
        return
    assert isinstance(look.database.value.blockers, Known)
    seen = {statement_of(each): each for each in look.database.value.blockers.value}
    assert 0 < len(act.statements) <= rules.limits.sessions_per_act
    for statement in act.statements:
        assert (statement.usename, statement.datname) == ("shop", "shop")
        assert seen[statement].awaits == LockRequest(kind="relation", mode="AccessExclusiveLock")
    assert step.permission is Permission.APPROVAL
    assert not subject.database.transaction_pooler
    assert look.database.value.server.can_cancel


def _check_timeout(step: Proposal, act: SessionTimeout, look: Evidence, rules: Policy) -> None:
    assert isinstance(look.database, Known)
    assert (act.role, act.dbname) == ("shop", "shop")
    assert act.timeout >= SHORTEST
    assert act.before == look.database.value.server.session_timeout
    assert look.database.value.server.can_set_timeout
    assert step.permission is Permission.APPROVAL
    assert len(act.sessions) <= rules.limits.sessions_per_act


def _check_slow_cancel(
    step: Proposal, act: Cancellation, reading: DatabaseReading, subject: Target, rules: Policy
) -> None:
    assert step.cause is Cause.SLOW
    running = cancellable(reading.sessions, subject)
    assert 0 < len(act.statements) <= rules.limits.sessions_per_act
    assert len(act.statements) <= rules.limits.share_of_sessions * reading.sessions_total
    for statement in act.statements:
        session = running[statement]
        assert session.query_id == act.query_id
        if session.loses_something or not session.reads_only:
            assert step.permission is Permission.APPROVAL
    assert not set(act.statements) & set(act.rest)
    assert not subject.database.transaction_pooler
    assert reading.server.can_cancel


def _check(step: Step, look: Evidence, subject: Target, rules: Policy) -> None:
    if not isinstance(step, Proposal):
        return
    assert rules.permission(step.act.option) is not Permission.NEVER
    assert step.permission in (rules.permission(step.act.option), Permission.APPROVAL)
    assert step.why
    assert step.effect
    assert step.risk
    if isinstance(step.act, Termination):
        _check_termination(step, step.act, look, subject, rules)
        assert isinstance(look.database, Known)
        written = {each.identity for each in look.database.value.sessions if each.loses_something}
        readers = {each.identity for each in look.database.value.sessions if not each.loses_something}
        if set(step.act.sessions) & (written - readers):
            assert step.permission is Permission.APPROVAL
    elif isinstance(step.act, Resize):
        _check_resize(step.act, look, subject, rules)
    elif isinstance(step.act, SessionTimeout):
        _check_timeout(step, step.act, look, rules)
    elif isinstance(step.act, Cancellation):
        _check_cancellation(step, step.act, look, subject, rules)
    elif isinstance(step.act, IndexCreation):
        assert step.permission is Permission.APPROVAL
    else:
        assert subject.instance(step.act.instance).container == step.act.container


@settings(max_examples=150)
@given(
    arbitrary.evidences(),
    arbitrary.evidences(),
    arbitrary_cases.targets(),
    arbitrary_cases.policies(),
    arbitrary_cases.attempts(),
)
def test_whatever_the_evidence_a_plan_keeps_to_its_limits(
    look: Evidence, previous: Evidence, subject: Target, rules: Policy, attempts: tuple[Attempt, ...]
) -> None:
    for before in (None, previous, scenes.before(look)):
        diagnosis = diagnose(look, before, subject, rules)
        decided = plan(diagnosis, look, attempts, subject, rules, NOW)
        _check(decided.step, look, subject, rules)
        assert decided == plan(diagnosis, look, attempts, subject, rules, NOW)


@settings(max_examples=150)
@given(arbitrary.evidences(), arbitrary_cases.targets(), arbitrary_cases.attempts())
def test_a_policy_that_allows_nothing_is_never_given_a_proposal(
    look: Evidence, subject: Target, attempts: tuple[Attempt, ...]
) -> None:
    rules = policy(options={})
    diagnosis = diagnose(look, scenes.before(look), subject, rules)

    assert not isinstance(plan(diagnosis, look, attempts, subject, rules, NOW).step, Proposal)


@settings(max_examples=300)
@given(
    arbitrary.evidences(),
    arbitrary_cases.targets(),
    arbitrary_cases.policies(),
    arbitrary_cases.attempts(),
)
def test_processors_that_are_known_only_ever_take_acts_away(
    look: Evidence, subject: Target, rules: Policy, attempts: tuple[Attempt, ...]
) -> None:
    unknown = scenes.with_database(subject, cores=None)
    step, other = (
        plan(diagnose(look, scenes.before(look), each, rules), look, attempts, each, rules, NOW).step
        for each in (subject, unknown)
    )

    if not isinstance(step, Proposal):
        return
    assert isinstance(other, Proposal)
    assert step.permission in (other.permission, Permission.APPROVAL)
    if isinstance(step.act, Resize):
        assert isinstance(other.act, Resize)
        assert all(size <= other.act.sizes[name] for name, size in step.act.sizes.items())
    else:
        assert step.act == other.act
