"""Connections that stand still, and requests that are under way all the same: nobody forgot those."""

import pytest

from tests.unit import scenes
from tests.unit.scenes import evidence, page, pool, scraped, sessions, target
from workflows.causes.hold import find_hold
from workflows.causes.leak import find_leak
from workflows.causes.symptoms import observe
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause, Finding
from workflows.models.evidence import Evidence, PoolState
from workflows.models.plan import HandOver, Proposal, Termination
from workflows.models.policy import Mode, Permission
from workflows.plan import plan

WAITERS = 4


def requests(in_flight: int | None) -> PoolState:
    return pool(waiters=WAITERS).model_copy(update={"in_flight": in_flight})


def look(in_flight: int | None, found: int = 20, seconds: float = 90.0) -> Evidence:
    """web-1 full, so many of its connections idle in a transaction, and so many requests under way."""
    state = requests(in_flight)
    return evidence(
        metrics=scenes.metrics(scraped(state)),
        application=scenes.application(page(state)),
        database=scenes.database(sessions(found, seconds), total=20),
    )


def findings(seen: Evidence, previous: Evidence | None = None) -> dict[Cause, Finding]:
    found = diagnose(seen, previous, target(), scenes.policy()).findings
    return {each.cause: each for each in found}


@pytest.mark.parametrize(
    ("waiters", "in_flight", "abandoned"),
    [(4, 4, 20), (4, 24, 0), (4, 30, 0), (4, 9, 15), (4, 0, 20), (None, 24, None), (4, None, None)],
)
def test_what_no_request_has(waiters: int | None, in_flight: int | None, abandoned: int | None) -> None:
    assert pool(waiters=waiters).model_copy(update={"in_flight": in_flight}).abandoned == abandoned


@pytest.mark.parametrize("in_flight", [None, WAITERS, WAITERS + 5])
def test_connections_of_no_request_are_a_leak_without_a_doubt(in_flight: int | None) -> None:
    found = findings(look(in_flight))
    assert list(found) == [Cause.LEAK]
    assert found[Cause.LEAK].doubts == ()


@pytest.mark.parametrize("in_flight", [WAITERS + 6, WAITERS + 9])
def test_where_requests_may_have_some_of_them_a_person_decides(in_flight: int) -> None:
    (doubt,) = findings(look(in_flight))[Cause.LEAK].doubts
    assert f"account for all but {20 - (in_flight - WAITERS)} of the 20 checked out" in doubt


@pytest.mark.parametrize("in_flight", [WAITERS + 10, WAITERS + 20, WAITERS + 40])
@pytest.mark.parametrize("seconds", [10.0, 90.0, 7_200.0])
def test_connections_of_requests_are_a_hold_and_never_a_leak(in_flight: int, seconds: float) -> None:
    """A partner that hangs for longer than `leak_age`: nothing has come back yet that would tell."""
    now = look(in_flight, seconds=seconds)
    for previous in (None, scenes.before(now, 5.0)):
        found = findings(now, previous)
        assert Cause.LEAK not in found
        assert found[Cause.HOLD].ripe_in is None
        assert found[Cause.HOLD].share == 1.0


def test_nobody_who_waits_for_a_hanging_partner_is_ended() -> None:
    now, rules = look(WAITERS + 20), scenes.policy(mode=Mode.AUTO)
    diagnosis = diagnose(now, None, target(), rules)
    assert isinstance(plan(diagnosis, now, (), target(), rules, scenes.NOW).step, HandOver)
    leak = look(WAITERS)
    step = plan(diagnose(leak, None, target(), rules), leak, (), target(), rules, scenes.NOW).step
    assert isinstance(step, Proposal)
    assert isinstance(step.act, Termination)
    assert step.permission is Permission.ALONE


def test_a_few_of_requests_beside_are_no_hold() -> None:
    symptoms = observe(look(WAITERS + 2, found=18), None, target(), scenes.policy())
    assert isinstance(find_leak(symptoms), Finding)
    assert isinstance(find_hold(symptoms), str)


def test_the_sentence_tells_what_was_counted() -> None:
    symptoms = observe(look(WAITERS + 20), None, target(), scenes.policy())
    assert find_leak(symptoms) == (
        "No leak: 20 connections stand still on web-1, while requests are under way that account for all "
        "20 checked out."
    )


def test_a_young_suspicion_is_none_either() -> None:
    symptoms = observe(look(WAITERS + 20, seconds=3.0), None, target(), scenes.policy())
    assert isinstance(find_leak(symptoms), str)
