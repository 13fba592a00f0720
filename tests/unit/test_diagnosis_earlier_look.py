"""What an earlier look adds to a leak: only what it saw unchanged is certain."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.diagnoses import first, leak_look
from tests.unit.scenes import GONE, NOW, evidence, policy, session, sessions
from workflows.models.evidence import Evidence


def test_a_second_look_that_shows_the_same_makes_it_surer() -> None:
    look = evidence()

    found = first(look, scenes.before(look))

    assert found.confidence == pytest.approx(0.9 * 0.95)
    assert "unchanged over two looks" in found.reasons[0]


def test_with_an_earlier_look_only_what_it_saw_unchanged_is_certain() -> None:
    look = leak_look(sessions(9) + [session(300 + number, 50) for number in range(9)])
    earlier = scenes.before(leak_look(sessions(9)))

    found = first(look, earlier)

    assert {each.identity.pid for each in found.sessions} == set(range(100, 109))


def test_a_session_that_changed_between_the_looks_is_honest_until_it_is_seen_again() -> None:
    moved = [session(100 + number, 31) for number in range(18)]
    earlier = scenes.before(leak_look(sessions(18)), 100)

    found = first(leak_look(moved), earlier)

    assert found.sessions == ()
    assert found.ripe_in == policy().pace.settle


@pytest.mark.parametrize("field", ["backend_start", "state_change", "xact_start"])
def test_the_same_pid_is_not_the_same_session(field: str) -> None:
    other: dict[str, Any] = {field: NOW - timedelta(hours=9)}
    old = [session(100 + number, 108 - number, **other) for number in range(18)]

    assert first(evidence(), scenes.before(leak_look(old))).ripe_in is not None


@pytest.mark.parametrize(
    "earlier",
    [
        evidence(database=GONE),
        evidence(database=scenes.database([], in_recovery=True)),
        evidence(database=scenes.database([], started_at=NOW - timedelta(days=3))),
    ],
    ids=["unread", "standby", "another start of the server"],
)
def test_an_earlier_look_without_these_sessions_server_is_none(earlier: Evidence) -> None:
    assert "in one look" in first(evidence(), scenes.before(earlier)).reasons[0]
