"""A restart is refused where it would end what is lost with it, or while another one may be under way."""

from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.guards import RESTART, check, no_right, tried
from tests.unit.scenes import GONE, NOW, STARTED, evidence, session, sessions, target
from workflows.models.outcome import OutcomeStatus
from workflows.models.plan import Restart
from workflows.models.policy import Permission

ASKED = RESTART.model_copy(update={"permission": Permission.APPROVAL})
LOSSES = [
    session(600, 0.0, "active", has_written=True),
    session(601, 90.0, "idle", holds_advisory_lock=True),
]


def test_what_has_written_or_holds_an_advisory_lock_needs_approval_whatever_it_does() -> None:
    for loss in LOSSES:
        look = evidence(database=scenes.database([*sessions(18), loss]))
        lost = f"session {loss.identity.pid} (shop, shop-api, {loss.identity.state})"

        assert check(RESTART, evidence=look) == (
            f"have written or hold an advisory lock, which needs approval: {lost}"
        )
        assert check(ASKED, evidence=look, approved_by="ada") is None


def test_what_others_would_lose_is_not_asked_about() -> None:
    others = session(600, 0.0, "active", has_written=True, application_name="psql")

    assert check(RESTART, evidence=evidence(database=scenes.database([*sessions(18), others]))) is None


def test_without_the_sessions_only_a_person_may_decide() -> None:
    old = scenes.database(sessions(18)).model_copy(update={"at": STARTED})
    for database in (GONE, old):
        look = no_right().model_copy(update={"database": database})

        assert check(RESTART, evidence=look) == (
            "whether it ends work that would be lost could not be read, which needs approval"
        )
        assert check(ASKED, evidence=look, approved_by="ada") is None


def lost(ago: float, status: OutcomeStatus = OutcomeStatus.UNKNOWN) -> Any:
    """A restart of web-2, so many seconds ago."""
    assert isinstance(RESTART.act, Restart)
    act = RESTART.act.model_copy(update={"instance": "web-2", "container": "shop-2"})
    return tried(RESTART.model_copy(update={"act": act}), ago, status, helped=None)


@pytest.mark.parametrize(
    ("second", "ago", "left"),
    [
        (scenes.container(2, stop_grace_seconds=120.0), 20, "110 s"),
        (scenes.container(2, stop_grace_seconds=120.0), 130, None),
        (scenes.container(2, started_at=NOW), 1, None),
        (GONE, 20, "110 s"),
        (GONE, 130, None),
    ],
)
def test_one_whose_answer_was_lost_may_be_under_way(second: Any, ago: float, left: str | None) -> None:
    look = no_right().model_copy(update={"containers": scenes.containers(scenes.container(1), second)})
    facts: dict[str, Any] = {"evidence": look, "target": target(instances=2)}
    refusal = f"a restart whose answer was lost may be under way: {left} left of its time to stop"

    assert check(RESTART, attempts=(lost(ago),), **facts) == (refusal if left else None)
    assert check(RESTART, attempts=(lost(ago),), awaits_restarts=False, **facts) is None
    assert check(RESTART, attempts=(lost(ago, OutcomeStatus.DONE),), **facts) is None


def test_what_restarts_nothing_is_not_refused_for_it() -> None:
    assert check(attempts=(lost(1),)) is None
