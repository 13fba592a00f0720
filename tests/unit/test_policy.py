"""What a policy may not say, and how it is told."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from workflows.models.policy import Clocks, Limits


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


def test_no_option_rests_longer_than_its_acts_are_remembered() -> None:
    Limits.model_validate({"cooldowns": {"restart": "24h"}})
    for rest in ("24h1s", -1):
        with pytest.raises(ValidationError, match=r"cooldowns\.restart"):
            Limits.model_validate({"cooldowns": {"restart": rest}})
