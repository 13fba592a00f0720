"""Every guard refuses for its own reason, and for what it cannot read; else the act may be done."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit import arbitrary, scenes
from tests.unit.scenes import (
    GONE,
    NOW,
    STARTED,
    evidence,
    known,
    page,
    policy,
    pool,
    scraped,
    sessions,
    target,
)
from workflows import guard
from workflows.diagnosis import diagnose
from workflows.models.evidence import Evidence
from workflows.models.outcome import Attempt, Outcome, OutcomeStatus
from workflows.models.plan import Proposal, Resize, Restart, Termination
from workflows.models.policy import Mode, Permission, Policy
from workflows.models.reading import Known, Unavailable
from workflows.models.session import SessionIdentity
from workflows.models.target import Target
from workflows.plan import plan

SUFFERING = pool(waiters=4)
PAGES = scenes.application(page(SUFFERING))
NOBODY = known(None)


def propose(look: Evidence, rules: Policy | None = None, subject: Target | None = None) -> Proposal:
    chosen, allowed = subject or target(), rules or policy()
    step = plan(diagnose(look, None, chosen, allowed), look, (), chosen, allowed, NOW).step
    assert isinstance(step, Proposal)
    return step


def undersized() -> Evidence:
    return evidence(
        metrics=scenes.metrics(scraped(SUFFERING, full_seconds=known(400.0))),
        database=scenes.database(sessions(20, 0.0, "active")),
    )


def no_right() -> Evidence:
    return evidence(database=scenes.database(sessions(18), can_terminate=False))


def rest_of(proposal: Proposal) -> tuple[SessionIdentity, ...]:
    assert isinstance(proposal.act, Termination)
    return proposal.act.rest


WAVE = propose(evidence())
NEXT_WAVE = WAVE.model_copy(update={"act": Termination(sessions=rest_of(WAVE))})
RESTART = propose(no_right())
RESIZE = propose(undersized())


def check(proposal: Proposal = WAVE, **changes: Any) -> str | None:
    facts: dict[str, Any] = {
        "evidence": evidence(),
        "pages": PAGES,
        "silence": NOBODY,
        "attempts": (),
        "target": target(),
        "policy": policy(),
        "now": NOW,
        **changes,
    }
    return guard.check(proposal, **facts)


def tried(
    proposal: Proposal = WAVE,
    ago: float = 60.0,
    status: OutcomeStatus = OutcomeStatus.DONE,
    helped: bool | None = True,
) -> Attempt:
    return Attempt(
        proposal=proposal,
        decided_by="poolmedic",
        at=NOW - timedelta(seconds=ago),
        outcome=Outcome(status=status),
        helped=helped,
    )


def with_sessions(*changed: Any) -> Proposal:
    return WAVE.model_copy(update={"act": Termination(sessions=tuple(changed))})


IDENTITIES = [each.identity for each in sessions(18)]


# allowed


def test_nothing_refuses_what_is_allowed() -> None:
    assert check() is None
    assert check(RESTART, evidence=no_right()) is None
    assert check(RESIZE, evidence=undersized(), approved_by="ada") is None


# permission


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


# silence and pause


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


@pytest.mark.parametrize(
    ("pause", "refusal"),
    [
        (None, None),
        (NOBODY, None),
        (known("by ada"), "paused: by ada"),
        (GONE, "whether poolmedic is paused could not be read: connection refused"),
    ],
)
def test_a_pause_refuses_and_so_does_one_that_cannot_be_read(pause: Any, refusal: str | None) -> None:
    assert check(pause=pause) == refusal


# budget, cooldown, attempts


@pytest.mark.parametrize(
    ("attempts", "refusal"),
    [
        ([tried(ago=3599)] * 2, "2 acts in the last hour, as many as the policy allows"),
        ([tried(ago=3599), tried(ago=3600)], None),
        ([tried(status=OutcomeStatus.NOTHING)] * 2, None),
        ([tried(status=OutcomeStatus.UNKNOWN)] * 2, "2 acts in the last hour, as many as the policy allows"),
        (
            [tried(RESTART, status=OutcomeStatus.FAILED), tried(status=OutcomeStatus.PARTLY)],
            "2 acts in the last hour, as many as the policy allows",
        ),
    ],
)
def test_the_budget_of_the_hour(attempts: list[Attempt], refusal: str | None) -> None:
    assert check(attempts=tuple(attempts), policy=policy(limits={"acts_per_hour": 2})) == refusal


@pytest.mark.parametrize(
    ("attempts", "refusal"),
    [
        ([tried(ago=100)], "cooldown after the last act: 20 s left"),
        (
            [tried(ago=119), tried(ago=90, status=OutcomeStatus.NOTHING)],
            "cooldown after the last act: 1.0 s left",
        ),
        (
            [tried(ago=300), tried(ago=90, status=OutcomeStatus.UNKNOWN)],
            "cooldown after the last act: 30 s left",
        ),
        ([tried(ago=120)], None),
        ([tried(ago=10, status=OutcomeStatus.NOTHING)], None),
        ([], None),
    ],
)
def test_the_cooldown_between_acts(attempts: list[Attempt], refusal: str | None) -> None:
    assert check(attempts=tuple(attempts), policy=policy(limits={"cooldown": "2m"})) == refusal


@pytest.mark.parametrize(
    ("proposal", "look", "attempts", "words"),
    [
        (WAVE, evidence(), [tried()] * 3, "it was tried 3 times, as often as the policy allows"),
        (WAVE, evidence(), [tried()] * 2, None),
        (WAVE, evidence(), [tried(RESTART)] * 3, None),
        (WAVE, evidence(), [tried(status=OutcomeStatus.FAILED)], "it failed at 02:59:00"),
        (WAVE, evidence(), [tried(status=OutcomeStatus.REFUSED)], "poolmedic refused it at 02:59:00"),
        (RESTART, no_right(), [tried(RESTART)] * 3, "it was tried 3 times, as often as the policy allows"),
    ],
)
def test_attempts_per_option(
    proposal: Proposal, look: Evidence, attempts: list[Attempt], words: str | None
) -> None:
    refusal = check(proposal, evidence=look, attempts=tuple(attempts))

    assert refusal == words or (words is not None and refusal is not None and words in refusal)


def test_restarts_are_counted_per_instance() -> None:
    assert isinstance(RESTART.act, Restart)
    other = RESTART.model_copy(update={"act": RESTART.act.model_copy(update={"instance": "web-2"})})

    assert check(RESTART, evidence=no_right(), attempts=(tried(other),) * 3) is None


# limits of the options


@pytest.mark.parametrize(
    ("proposal", "changes", "words"),
    [
        (with_sessions(*IDENTITIES[:11]), {}, "11 sessions to end, the policy allows 10 different ones"),
        (with_sessions(), {}, "0 sessions to end"),
        (
            with_sessions(IDENTITIES[0], IDENTITIES[0]),
            {},
            "2 sessions to end, the policy allows 10 different",
        ),
        (
            WAVE,
            {"policy": policy(limits={"share_of_sessions": 0.45})},
            "10 sessions to end, the policy allows 9 different ones",
        ),
        (WAVE, {"evidence": evidence(database=GONE)}, "the database could not be read: connection refused"),
        (
            WAVE,
            {"evidence": evidence(database=scenes.database(sessions(18)).model_copy(update={"at": STARTED}))},
            "the database could not be read: the last reading is 5 h 0 min old",
        ),
        (
            WAVE,
            {"target": scenes.with_database(target(), transaction_pooler=True)},
            "behind a transaction pooler no session is ended by its pid",
        ),
        (
            WAVE,
            {"target": scenes.with_database(target(), role="billing")},
            "not seen as the target's own and idle in transaction: session 100 (shop, shop-api,",
        ),
        (
            with_sessions(IDENTITIES[0].model_copy(update={"backend_start": NOW})),
            {},
            "not seen as the target's own and idle in transaction: session 100",
        ),
        (
            WAVE,
            {
                "evidence": evidence(
                    database=scenes.database(sessions(18, in_progress="pg_stat_progress_copy"))
                )
            },
            "not seen as the target's own",
        ),
        (
            WAVE,
            {"evidence": evidence(database=scenes.database(sessions(18, has_written=True)))},
            "have written or hold an advisory lock, which needs approval: session 100",
        ),
        (
            WAVE,
            {"evidence": evidence(database=scenes.database(sessions(18, holds_advisory_lock=True)))},
            "have written or hold an advisory lock, which needs approval: session 100",
        ),
        (
            RESTART,
            {"target": scenes.with_instance(target(), "web-1", container="other")},
            "shop-1 is not the container of web-1 in the configuration",
        ),
        (
            RESTART,
            {"target": scenes.with_instance(target(), "web-1", name="web-7")},
            "shop-1 is not the container of web-1 in the configuration",
        ),
    ],
)
def test_an_act_keeps_to_the_limits_and_to_the_target_s_own(
    proposal: Proposal, changes: dict[str, Any], words: str
) -> None:
    refusal = check(proposal, **changes)

    assert refusal is not None
    assert words in refusal


def test_those_that_have_written_may_be_ended_once_approved() -> None:
    look = evidence(database=scenes.database(sessions(18, has_written=True)))
    proposal = WAVE.model_copy(update={"permission": Permission.APPROVAL})

    assert check(proposal, evidence=look, approved_by="ada") is None


def resize(sizes: dict[str, int], baseline: dict[str, int]) -> Proposal:
    return RESIZE.model_copy(update={"act": Resize(sizes=sizes, baseline=baseline, lasts=timedelta(hours=1))})


@pytest.mark.parametrize(
    ("proposal", "server", "words"),
    [
        (RESIZE, {"max_connections": 47}, "40 connections do not fit into the server's free slots"),
        (RESIZE, {"max_connections": 48}, None),
        (RESIZE, {"max_connections": 60, "foreign": 18}, "do not fit"),
        (resize({"web-1": 41}, {"web-1": 20}), {}, "more than 2 times the configured size: web-1"),
        (resize({"web-1": 30}, {"web-1": 30}), {}, "reverted to another size than the configured one: web-1"),
        (resize({"web-9": 30}, {"web-9": 20}), {}, "sizes for web-9, configured are web-1"),
        (resize({}, {}), {}, "sizes for , configured are web-1"),
        (resize({"web-1": 30}, {}), {}, "sizes for web-1, configured are web-1"),
    ],
)
def test_a_resize_fits_the_server_and_the_policy(
    proposal: Proposal, server: dict[str, int], words: str | None
) -> None:
    database = scenes.database(sessions(20, 0.0, "active"), **server)
    look = undersized().model_copy(update={"database": database})

    refusal = check(proposal, evidence=look, approved_by="ada")

    assert (refusal is None) if words is None else (refusal is not None and words in refusal)


def test_a_resize_counts_the_other_pools_as_they_are() -> None:
    two = target(instances=2)
    look = evidence(
        application=scenes.application(page(SUFFERING), page(pool(1, 35))),
        database=scenes.database(sessions(20, 0.0, "active"), max_connections=82),
    )
    pages = scenes.application(page(SUFFERING), page(pool(1, 35)))
    facts: dict[str, Any] = {"evidence": look, "pages": pages, "target": two, "approved_by": "ada"}

    assert check(resize({"web-1": 39}, {"web-1": 20}), **facts) is None
    refusal = check(resize({"web-1": 40}, {"web-1": 20}), **facts)
    assert refusal == "75 connections do not fit into the server's free slots"


# still exhausted


@pytest.mark.parametrize(
    ("before", "now", "refusal"),
    [
        (page(SUFFERING), page(pool(10)), "web-1: not exhausted in both looks (100.0 %, 50.0 %)"),
        (page(pool(18)), page(SUFFERING), "web-1: not exhausted in both looks (90.0 %, 100.0 %)"),
        (
            page(SUFFERING),
            page(pool()),
            "web-1: full, but nobody waits, nothing times out and a query is answered",
        ),
        (
            page(SUFFERING),
            page(pool(waiters=None)),
            "web-1: full, but nobody waits, nothing times out and a query is answered",
        ),
        (page(pool()), page(SUFFERING), None),
        (page(pool()), page(pool(), probe_seconds=GONE), None),
        (page(pool()), page(pool(), timeouts_total=known(4.0)), None),
        (
            page(pool(), timeouts_total=GONE),
            page(pool(), timeouts_total=known(4.0)),
            "web-1: full, but nobody waits, nothing times out and a query is answered",
        ),
        (
            page(pool()),
            page(pool(), timeouts_total=GONE),
            "web-1: full, but nobody waits, nothing times out and a query is answered",
        ),
        (page(SUFFERING), page(SUFFERING, started_at=known(NOW)), None),
        (page(SUFFERING), page(pool(19, 20, waiters=1)), None),
        (
            page(SUFFERING),
            page(SUFFERING, pool=GONE),
            "web-1: its pool could not be read again (connection refused)",
        ),
        (page(SUFFERING), GONE, "web-1: it could not be looked at again (connection refused)"),
        (
            page(SUFFERING),
            page(SUFFERING, started_at=known(NOW + timedelta(seconds=1))),
            "web-1: it was started anew since it was looked at",
        ),
        (page(SUFFERING), page(SUFFERING, started_at=GONE), None),
    ],
)
def test_the_pool_is_still_exhausted_in_two_looks_and_requests_suffer(
    before: Any, now: Any, refusal: str | None
) -> None:
    look = evidence(application=scenes.application(before))

    assert check(evidence=look, pages=scenes.application(now)) == refusal


def test_a_look_that_could_not_be_taken_refuses() -> None:
    assert check(pages=GONE) == "web-1: it could not be looked at again (connection refused)"
    assert check(pages=PAGES.model_copy(update={"at": NOW - timedelta(minutes=5)})) == (
        "web-1: it could not be looked at again (the last reading is 5 min old, more than 60 s)"
    )
    blind = evidence(application=GONE, metrics=GONE)
    assert check(evidence=blind) == (
        "web-1: its pool could not be read before "
        "(the application: connection refused; the metrics: connection refused)"
    )


def two_pages(first: Any, second: Any) -> Known[Any]:
    return scenes.application(first, second)


def test_one_exhausted_instance_is_enough_to_end_sessions() -> None:
    two = target(instances=2)
    pages = two_pages(GONE, page(SUFFERING))

    assert check(evidence=evidence(application=pages), pages=pages, target=two) is None
    refusal = check(evidence=evidence(application=pages), pages=two_pages(GONE, page(pool(3))), target=two)
    assert refusal == (
        "web-1: it could not be looked at again (connection refused); "
        "web-2: not exhausted in both looks (100.0 %, 15.0 %)"
    )


def test_only_the_instance_itself_counts_for_its_restart() -> None:
    two = target(instances=2)
    look = no_right().model_copy(update={"application": two_pages(page(pool(3)), page(SUFFERING))})

    refusal = check(RESTART, evidence=look, pages=two_pages(page(pool(3)), page(SUFFERING)), target=two)

    assert refusal == "web-1: not exhausted in both looks (15.0 %, 15.0 %)"


@pytest.mark.parametrize(
    ("attempts", "refused"),
    [
        ([tried()], False),
        ([], True),
        ([tried(ago=604)], False),
        ([tried(ago=605)], True),
        ([tried(ago=0)], False),
        ([tried(status=OutcomeStatus.NOTHING)], True),
        ([tried(), tried(RESTART, ago=10)], True),
    ],
)
@pytest.mark.parametrize("active", [2, 15])
def test_only_a_wave_just_done_excuses_that_the_pool_is_free(
    active: int, attempts: list[Attempt], refused: bool
) -> None:
    pages = scenes.application(page(pool(active)))
    evident = evidence(application=pages)

    refusal = check(NEXT_WAVE, evidence=evident, pages=pages, attempts=tuple(attempts))

    assert (refusal is not None) is refused
    if refused:
        assert "not exhausted in both looks" in str(refusal)


def test_only_the_rest_of_the_wave_is_excused() -> None:
    pages = scenes.application(page(pool(10)))

    assert check(WAVE, evidence=evidence(application=pages), pages=pages, attempts=(tried(),)) is not None


def test_the_rest_of_a_wave_needs_both_looks_as_well() -> None:
    assert check(NEXT_WAVE, pages=Unavailable(reason="timed out"), attempts=(tried(),)) is not None


def test_a_wave_under_way_excuses_no_restart() -> None:
    pages = scenes.application(page(pool(15)))
    look = no_right().model_copy(update={"application": pages})

    assert check(RESTART, evidence=look, pages=pages, attempts=(tried(),)) is not None


# anything at all


@settings(max_examples=150)
@given(
    st.sampled_from((WAVE, RESTART, RESIZE)),
    arbitrary.evidences(),
    arbitrary.readings(arbitrary.applications()),
    arbitrary.readings(st.sampled_from((None, None, None, "by ada"))),
    arbitrary.targets(),
    arbitrary.policies(),
    arbitrary.attempts(),
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
@given(arbitrary.evidences(), arbitrary.targets(), arbitrary.policies())
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
