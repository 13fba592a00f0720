"""More sessions than are listed: what the rest does is not known, so nothing is done alone."""

import pytest

from tests.unit import scenes
from tests.unit.plans import decide, leak_of, proposed
from tests.unit.scenes import sessions, target
from workflows.diagnosis import diagnose
from workflows.models.evidence import MOST_SESSIONS
from workflows.models.policy import Permission


@pytest.mark.parametrize(
    ("total", "permission"),
    [(MOST_SESSIONS, Permission.ALONE), (MOST_SESSIONS + 1, Permission.APPROVAL)],
)
def test_a_leak_is_ended_alone_only_where_every_session_was_seen(total: int, permission: Permission) -> None:
    look = leak_of(sessions(MOST_SESSIONS), total=total)
    assert proposed(decide(look)).permission is permission


def test_it_is_told_with_the_numbers() -> None:
    look = leak_of(sessions(MOST_SESSIONS), total=MOST_SESSIONS + 90)
    missing = diagnose(look, None, target(), scenes.policy()).missing
    assert missing == ("database: 500 of 590 sessions are listed, so a person decides",)


def test_a_few_that_still_start_are_no_matter() -> None:
    look = leak_of(sessions(18), total=20)
    assert diagnose(look, None, target(), scenes.policy()).missing == ()
