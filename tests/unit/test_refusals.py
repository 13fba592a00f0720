"""When an act that is not permitted is looked at again, and when people are needed."""

from datetime import UTC, datetime, timedelta

from workflows.refusals import Refusals

NOW = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
SETTLE = timedelta(seconds=2)


def test_the_first_refusal_is_looked_at_again_and_the_second_needs_people() -> None:
    refusals = Refusals(SETTLE)
    assert [refusals.patience(None, NOW) for _ in range(3)] == [SETTLE, None, None]
    refusals.forget()
    assert refusals.patience(None, NOW) == SETTLE


def test_what_ends_by_itself_is_waited_for_less_and_less_often_and_counts_as_no_refusal() -> None:
    refusals, until, now, waits = Refusals(SETTLE), NOW + timedelta(minutes=4), NOW, list[float]()
    while (patience := refusals.patience(until, now)) is not None and now < until:
        waits.append(patience.total_seconds())
        now += patience
    assert waits == [4, 8, 16, 32, 64, 64, 52]
    assert now == until
    assert refusals.patience(until, now) is None


def test_whoever_is_always_held_up_by_another_one_gets_to_people() -> None:
    """Each with a lease of its own: what was waited for is the first."""
    refusals, now = Refusals(SETTLE), NOW
    looks = 0
    while (patience := refusals.patience(now + timedelta(minutes=4), now)) is not None:
        now += patience
        looks += 1
        assert looks < 20
    assert now - NOW < timedelta(minutes=5)
