"""An act needs a pool that is still exhausted; only the rest of a wave just done does not."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.guards import PAGES, RESTART, SUFFERING, WAVE, check, no_right, tried
from tests.unit.scenes import GONE, NOW, evidence, known, page, pool, target
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import Proposal, Termination
from workflows.models.reading import Known, Unavailable
from workflows.models.session import SessionIdentity


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


# the rest of a wave


def rest_of(proposal: Proposal) -> tuple[SessionIdentity, ...]:
    assert isinstance(proposal.act, Termination)
    return proposal.act.rest


NEXT_WAVE = WAVE.model_copy(update={"act": Termination(sessions=rest_of(WAVE))})


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
