"""The server's processors: told apart by whose statements run, and looked at only where they are known."""

from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.plans import decide, undersized_look
from tests.unit.pressures import pressed
from tests.unit.scenes import GONE, evidence, policy, session, sessions, target, with_database
from tests.unit.slow_queries import slow, slow_look
from workflows.causes.degraded import find_degraded
from workflows.causes.symptoms import observe
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause, Finding
from workflows.models.evidence import Evidence
from workflows.models.plan import HandOver, Proposal
from workflows.models.policy import Permission
from workflows.models.target import Target

EIGHT = with_database(target(), cores=8)
SHORTAGE = (
    "Others run 8 statements on the whole server that wait for nothing, and it has 8 processors: none is "
    "left for those of the application."
)


def causes(look: Evidence, subject: Target = EIGHT) -> dict[Cause, Finding]:
    found = diagnose(look, None, subject, policy()).findings
    return {finding.cause: finding for finding in found}


def busy(others: dict[str, int] | None, own: int = 20, **wait: Any) -> Evidence:
    """web-1 full, so many of its sessions at work, and statements of others beside them."""
    rest = sessions(20 - own, 1.0)
    at_work = [session(500 + number, 0.1, "active", **wait) for number in range(own)]
    return evidence(database=scenes.database([*at_work, *rest], pressure=pressed(others)))


def test_others_that_run_on_every_processor_make_a_database_slow_for_everybody() -> None:
    found = causes(busy({"running": 8, "Client": 3}, own=16))[Cause.DEGRADED]

    assert found.confidence == pytest.approx(0.95 * 16 / 20)
    assert found.reasons[:3] == (
        SHORTAGE,
        "16 of 20 working sessions of the application run beside them.",
        ("0 working sessions of 20 (0.0 %) wait for storage, internal locks or a standby in the database."),
    )
    assert (found.instances, found.sessions) == (("web-1",), ())


@pytest.mark.parametrize(
    ("subject", "others"),
    [
        (target(), {"running": 200}),
        (EIGHT, {"running": 7}),
        (EIGHT, {"IO": 40, "Lock": 40}),
        (EIGHT, {}),
        (EIGHT, None),
    ],
    ids=["not configured", "fewer", "waiting", "nobody", "of an older reading"],
)
def test_what_is_not_known_or_leaves_a_processor_is_no_shortage(
    subject: Target, others: dict[str, int] | None
) -> None:
    assert Cause.DEGRADED not in causes(busy(others), subject)
    unread = busy({}).model_copy(
        update={"database": scenes.database(sessions(20, 0.1, "active"), pressure=GONE)}
    )
    assert Cause.DEGRADED not in causes(unread, subject)


def test_own_sessions_alone_never_make_it_slow_for_everybody() -> None:
    look = evidence(
        database=scenes.database(sessions(20, 0.1, "active"), pressure=pressed({}, {"running": 20}))
    )

    assert Cause.DEGRADED not in causes(look)


@pytest.mark.parametrize(("own", "is_called"), [(10, False), (11, True)])
def test_most_of_the_own_sessions_have_to_want_a_processor(own: int, is_called: bool) -> None:
    look = busy({"running": 8}, own)

    assert (Cause.DEGRADED in causes(look)) is is_called
    answer = find_degraded(observe(look, None, EIGHT, policy()))
    assert isinstance(answer, str) is not is_called
    if isinstance(answer, str):
        assert f"{SHORTAGE} But few of the application's own want one." in answer


def test_waits_for_internal_locks_count_beside_those_that_run() -> None:
    waiting = [
        session(600 + number, 0.1, "active", wait_event_type="LWLock", wait_event="BufferMapping")
        for number in range(9)
    ]
    found = [*waiting, *[session(500 + number, 0.1, "active") for number in range(11)]]
    look = evidence(database=scenes.database(found, pressure=pressed({"running": 8})))

    assert causes(look)[Cause.DEGRADED].confidence == pytest.approx(0.95)


def test_people_are_called_and_no_pool_is_enlarged_where_processors_are_short() -> None:
    work = scenes.database(sessions(20, 0.0, "active"), pressure=pressed({"running": 8}))
    look = undersized_look(database=work)

    assert isinstance(decide(look).step, Proposal)
    step = decide(look, subject=EIGHT).step
    assert isinstance(step, HandOver)
    assert step.reason.startswith("the database server itself is slow")


def test_no_larger_pool_is_called_for_either_where_the_own_sessions_only_wait() -> None:
    work = scenes.database(
        sessions(20, 0.0, "active", wait_event_type="Client", wait_event="ClientWrite"),
        pressure=pressed({"running": 8}),
    )

    assert {Cause.UNDERSIZED, Cause.SPIKE, Cause.DEGRADED}.isdisjoint(causes(undersized_look(database=work)))


def test_a_slow_query_among_them_is_for_a_person_to_judge() -> None:
    look = slow_look(slow(20), server={"pressure": pressed({"running": 8})})
    rules = policy(options={"cancel": "alone"})

    finding = causes(look)[Cause.SLOW]

    assert finding.doubts == (f"{SHORTAGE} The server itself may be slow, so a person decides.",)
    assert list(causes(look)) == [Cause.SLOW]
    for subject, permission in ((target(), Permission.ALONE), (EIGHT, Permission.APPROVAL)):
        step = decide(look, subject=subject, rules=rules).step
        assert isinstance(step, Proposal)
        assert step.permission is permission


def test_a_larger_leak_beside_it_is_still_a_leak() -> None:
    found = [*sessions(16), *[session(500 + number, 0.1, "active") for number in range(4)]]
    look = evidence(database=scenes.database(found, pressure=pressed({"running": 40})))

    assert list(causes(look)) == [Cause.LEAK]
