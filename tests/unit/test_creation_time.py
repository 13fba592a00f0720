"""The creation of an index has the time to clear up after itself."""

from datetime import timedelta

import pytest

from activities import owner_connection
from activities.creating import LONGEST_DROP, SECONDS_TO_STOP
from workflows import options


@pytest.mark.parametrize("limit", [timedelta(seconds=30), timedelta(minutes=15), timedelta(hours=2)])
def test_there_is_time_to_drop_the_rest_after_all_of_the_work(limit: timedelta) -> None:
    work = limit + owner_connection._GRACE
    rest = timedelta(seconds=SECONDS_TO_STOP) + LONGEST_DROP + owner_connection._GRACE

    given = options.lasting(limit)["start_to_close_timeout"]

    assert given is not None
    assert work + rest < given
