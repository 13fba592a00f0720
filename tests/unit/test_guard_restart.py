"""A restart alone is refused where it would end what is lost with it, whatever proposed it."""

from tests.unit import scenes
from tests.unit.guards import RESTART, check, no_right
from tests.unit.scenes import GONE, STARTED, evidence, session, sessions
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
