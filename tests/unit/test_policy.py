"""What a policy may not say, and how it is told."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from workflows.models.policy import Clocks


@pytest.mark.parametrize(
    "minutes",
    [
        {"acknowledge": 16},
        {"resolve": 31},
        {"resolve": 4},
        {"leadership": 14},
    ],
)
def test_a_clock_never_runs_out_before_the_one_before_it(minutes: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="in the order acknowledge, resolve, leadership"):
        Clocks.model_validate({name: f"{number}m" for name, number in minutes.items()})


def test_clocks_may_run_out_together() -> None:
    clocks = Clocks.model_validate({"acknowledge": "15m", "leadership": "15m"})
    assert clocks.acknowledge == clocks.resolve == clocks.leadership == timedelta(minutes=15)
