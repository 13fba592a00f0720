"""The server's slots: how many are left for our pools, and how many one may take."""

from math import floor

import pytest

from tests.unit import scenes
from tests.unit.scenes import pool, target
from workflows.slots import fits, left_for_us, ours, spare_per_instance


def test_the_slot_arithmetic_of_several_instances_at_surge() -> None:
    three = target(instances=3, surge=1.5)
    database = scenes.database([], max_connections=200, reserved_connections=5, foreign=10).value
    maxima = ours(three, {"web-2": pool(1, 30)})

    assert maxima == {"web-1": 20, "web-2": 30, "web-3": 20}
    assert spare_per_instance(database, three, maxima) == floor((200 - 5 - 10 - 70 * 1.5) / (3 * 1.5))
    assert fits(database, three, maxima, {"web-1": 40, "web-2": 43, "web-3": 40})
    assert not fits(database, three, maxima, {"web-1": 40, "web-2": 44, "web-3": 40})


def test_own_sessions_that_no_known_pool_can_have_opened_keep_their_slots() -> None:
    database = scenes.database([], total=100, max_connections=120, foreign=0).value
    maxima = ours(target(instances=2), {})

    assert left_for_us(database, target(instances=2), maxima) == 120 - 3 - 60
    assert spare_per_instance(database, target(instances=2), maxima) == 8


@pytest.mark.parametrize(
    ("limits", "left"),
    [({}, 92), ({"role_limit": 25}, 25), ({"database_limit": 60}, 55), ({"role_limit": 500}, 92)],
)
def test_limits_of_role_and_database_leave_fewer_slots(limits: dict[str, int], left: int) -> None:
    database = scenes.database([]).value
    server = database.server.model_copy(update=limits)

    found = left_for_us(database.model_copy(update={"server": server}), target(), {"web-1": 20})

    assert found == left


def test_others_of_the_same_role_share_its_limit() -> None:
    database = scenes.database([], role_limit=40, foreign_of_role=15).value

    assert left_for_us(database, target(), {"web-1": 20}) == 25


def test_a_server_that_is_full_already_has_nothing_to_spare() -> None:
    database = scenes.database([], max_connections=10).value

    assert spare_per_instance(database, target(), ours(target(), {})) == 0
