"""Steps that are no act: verify, look again, hand over to people."""

from datetime import timedelta

from tests.unit import scenes
from tests.unit.plans import decide, free_look, leak_of, undersized_look
from tests.unit.scenes import GONE, evidence, page, pool
from workflows.models.plan import HandOver, Healthy, LookAgain


def test_a_free_pool_is_verified() -> None:
    decided = decide(free_look())

    assert isinstance(decided.step, Healthy)
    assert decided.step.why.startswith("No pool is above 95.0 %")


def test_a_suspicion_waits_as_long_as_it_takes_to_be_certain() -> None:
    decided = decide(leak_of([scenes.session(pid, 12) for pid in range(18)]))

    assert isinstance(decided.step, LookAgain)
    assert decided.step.after == timedelta(seconds=18)
    assert "certain or dismissed in 18 s" in decided.step.why


def test_what_is_unknown_at_the_first_look_is_looked_at_again() -> None:
    decided = decide(evidence(database=GONE, containers=GONE))

    assert decided.step == LookAgain(after=0.7 * scenes.policy().pace.settle, why="no known cause fits")


def test_what_is_unknown_goes_to_people_with_what_is_missing() -> None:
    look = evidence(database=GONE, containers=GONE)
    decided = decide(look, previous=look)

    assert decided.step == HandOver(
        reason="no known cause fits; could not be read: container of web-1, database"
    )
    assert decided.left_out == ()


def test_lost_capacity_goes_to_people() -> None:
    look = undersized_look(
        application=scenes.application(page(pool(10, 10, waiters=3))),
        database=scenes.database([], total=10),
    )

    assert decide(look).step == HandOver(
        reason="instances or connections are missing, which a restart would not bring back"
    )


def test_people_are_called_in_the_same_words_whatever_the_numbers() -> None:
    looks = [undersized_look(database=scenes.database([], foreign=foreign)) for foreign in (90, 91)]

    assert len({decide(look).left_out for look in looks}) == 2
    assert len({decide(look).step.model_dump_json() for look in looks}) == 1
