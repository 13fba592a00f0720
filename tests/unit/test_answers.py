"""The answer to a delivery says what was taken, and what was not."""

import json

import pytest

from worker.answers import confirm
from worker.intake import Placed
from worker.routing import Routed, Unmatched
from workflows.models.alert import AlertStatus

STRANGER = Unmatched("alerts[0].labels", "no target's matchers have these values", {})
TAKEN = Placed("shop", AlertStatus.FIRING, "pool/shop")


@pytest.mark.parametrize(
    ("strangers", "placed", "told"),
    [
        (1, (), "1 firing alert belongs to no configured target; nothing was taken"),
        (2, (), "2 firing alerts belong to no configured target; nothing was taken"),
        (1, (TAKEN,), "1 firing alert belongs to no configured target; the others were taken"),
        (0, (TAKEN,), "taken"),
    ],
)
def test_the_answer_is_true_of_the_others(strangers: int, placed: tuple[Placed, ...], told: str) -> None:
    answer = confirm(Routed((), (STRANGER,) * strangers, 0), placed)
    assert answer.status_code == (422 if strangers else 200)
    assert json.loads(bytes(answer.body))["detail"] == told
