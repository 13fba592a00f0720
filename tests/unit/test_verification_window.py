"""What a window must hold to prove anything: traffic, and readings that are fresh and complete."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.scenes import GONE, NOW, known, target
from tests.unit.verdicts import ANSWERS, MS, NAN, SINCE, I, R, criterion, judge, seen, window
from workflows.measured import longest_pause
from workflows.models.policy import ClearWindow
from workflows.models.verdict import State

# demand


@pytest.mark.parametrize(
    ("rate", "usual", "state", "measured"),
    [
        (known(25.0), known(50.0), R, "25.0 of the usual 50.0 requests/s"),
        (known(24.9), known(50.0), I, "24.9 of the usual 50.0 requests/s"),
        (known(0.0), known(50.0), I, "0.0 of the usual 50.0 requests/s"),
        (GONE, known(50.0), I, "connection refused"),
        (NAN, known(50.0), I, "no number"),
        (known(0.5), GONE, R, "0.5 requests/s, the usual is not known"),
        (known(0.5), NAN, R, "0.5 requests/s, the usual is not known"),
        (known(0.5), known(0.0), R, "0.5 requests/s, the usual is not known"),
        (known(0.0), GONE, I, "0.0 requests/s, the usual is not known"),
    ],
)
def test_no_traffic_proves_nothing(rate: Any, usual: Any, state: State, measured: str) -> None:
    verdict = judge(window(seen(), request_rate=rate, usual_rate=usual))

    assert criterion(verdict, "demand").state is state
    assert criterion(verdict, "demand").measured == measured
    assert verdict.state is state


def test_the_configured_usual_stands_in_for_a_measured_one() -> None:
    configured = target(usual={"request_rate": 200.0})

    assert judge(window(seen(), usual_rate=GONE), subject=configured).state is I


# freshness and completeness


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({"since": SINCE - MS}, R, "20 samples"),
        ({"since": SINCE - 2 * MS}, I, "before the fix"),
        ({"since": SINCE + timedelta(seconds=1)}, I, "long, 5 min are asked for"),
        ({"since": SINCE - timedelta(minutes=2), "until": NOW - timedelta(minutes=2)}, I, "before the fix"),
    ],
)
def test_the_window_is_after_the_fix_and_long_enough(
    changes: dict[str, Any], state: State, words: str
) -> None:
    found = criterion(judge(window(seen(), **changes)), "readings")

    assert found.state is state
    assert words in found.measured


@pytest.mark.parametrize(
    ("rules", "seconds"),
    [({}, 300 / 16), ({"samples": 0.01}, 45), ({"step": "1m"}, 75), ({"length": "15s"}, 15)],
)
def test_how_far_apart_scrapes_may_be(rules: dict[str, Any], seconds: float) -> None:
    clear = ClearWindow.model_validate(rules)
    longest = longest_pause(clear)
    assert longest == timedelta(seconds=seconds)
    expected = clear.length // clear.step
    assert clear.length // longest >= clear.samples * expected


def test_a_window_that_ended_long_ago_says_nothing_about_now() -> None:
    verdict = judge(now=NOW + timedelta(minutes=3), pages=ANSWERS)

    assert "the window: it ended 3 min away from now" in criterion(verdict, "readings").measured
    assert verdict.state is I


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({"samples": 16}, R, "16 samples"),
        ({"samples": 15}, I, "15 of 20 expected samples"),
        ({"samples": 0}, I, "0 of 20 expected samples"),
        ({"longest_gap_seconds": 45.0}, R, "20 samples"),
        ({"longest_gap_seconds": 45.1}, I, "nothing was seen for 45 s"),
        ({"longest_gap_seconds": float("inf")}, I, "nothing was seen"),
        ({"longest_gap_seconds": float("nan")}, I, "nothing was seen"),
        ({"first_at": SINCE + timedelta(seconds=46)}, I, "nothing was seen for 46 s"),
        ({"last_at": NOW - timedelta(seconds=46)}, I, "nothing was seen for 46 s"),
        ({"first_at": SINCE - MS}, R, "20 samples"),
        ({"first_at": SINCE - 2 * MS}, I, "its first sample is from before the fix"),
    ],
)
def test_too_few_samples_a_hole_or_old_ones_are_inconclusive(
    changes: dict[str, Any], state: State, words: str
) -> None:
    verdict = judge(window(seen(**changes)))

    assert criterion(verdict, "readings").state is state
    assert words in criterion(verdict, "readings").measured
    assert verdict.state is state


def test_a_window_that_could_not_be_read_is_inconclusive_in_every_criterion_that_rests_on_it() -> None:
    verdict = judge(GONE)

    assert verdict.state is I
    unread = {each.name for each in verdict.criteria if each.state is I}
    assert unread == {each.name for each in verdict.criteria} - {"application responding", "instances up"}
    assert criterion(verdict, "demand").measured == "connection refused"
    assert criterion(verdict, "readings").measured == "the window: connection refused"
