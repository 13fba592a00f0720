"""A moment is an instant: however it was spelled, it is the same value, and it is told in UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tests.fakes import cases
from workflows.models.alert import Alert
from workflows.models.base import Moment

MOMENTS: TypeAdapter[datetime] = TypeAdapter(Moment)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
NEAR = st.integers(-2_000_000_000, 7_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(NEAR, ZONES)
def test_every_spelling_of_an_instant_is_one_value(at: datetime, zone: timezone) -> None:
    spelled = MOMENTS.validate_json(f'"{at.astimezone(zone).isoformat()}"')
    assert spelled == at
    assert spelled.isoformat() == at.isoformat()
    assert MOMENTS.validate_json(MOMENTS.dump_json(spelled)).isoformat() == at.isoformat()


def test_an_alert_spelled_in_another_zone_is_the_same_delivery() -> None:
    first = cases.alert(cases.target(), datetime(2026, 5, 4, 1, 2, 1, tzinfo=UTC))
    again = Alert.model_validate(first.model_dump() | {"starts_at": "2026-05-04T03:02:01+02:00"})
    assert again.delivery == first.delivery
    assert f"{again.starts_at:%H:%M}" == "01:02"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_what_no_utc_date_can_say_is_refused_like_any_wrong_value(text: str) -> None:
    with pytest.raises(ValidationError, match="years 1 to 9999"):
        MOMENTS.validate_python(text)
