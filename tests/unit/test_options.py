"""How acts are sent: what an act rests on is not older than the guards were told."""

from datetime import timedelta

from workflows import options
from workflows.models.policy import Thresholds


def test_an_act_rests_on_evidence_that_is_not_old() -> None:
    """Whatever waits longer for a worker than a reading is fresh is not delivered any more."""
    for config in (options.ACT, options.lasting(timedelta(hours=1))):
        waits = config["schedule_to_start_timeout"]
        assert waits is not None
        assert waits <= Thresholds().fresh_for
