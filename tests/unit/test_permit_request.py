"""What the ledger of a database is asked with, of the rules that hold for an act."""

from datetime import timedelta

from temporalio.testing import ActivityEnvironment

from activities.permits import permit_request
from tests.fakes import cases
from tests.unit.guards import RESTART, WAVE
from workflows.models.permit import PermitRequest
from workflows.models.plan import Restart, Termination
from workflows.models.policy import Limits
from workflows.ports.requests import RestartRequest, TerminateRequest

LIMITS = Limits.model_validate({"cooldown": "1m", "cooldowns": {"restart": "5m"}})


def asked(request: RestartRequest | TerminateRequest) -> PermitRequest:
    return ActivityEnvironment().run(permit_request, request)


def test_an_act_asks_with_the_cooldown_of_its_option() -> None:
    assert isinstance(RESTART.act, Restart)
    restart = asked(RestartRequest(target=cases.target(), act=RESTART.act, limits=LIMITS))
    assert (restart.cooldown, restart.own_cooldown) == (timedelta(minutes=1), timedelta(minutes=5))
    assert isinstance(WAVE.act, Termination)
    wave = asked(TerminateRequest(target=cases.target(), act=WAVE.act, limits=LIMITS))
    assert (wave.cooldown, wave.own_cooldown) == (timedelta(minutes=1), timedelta())
