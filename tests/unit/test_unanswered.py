"""What whoever asks is told where something that is open gives no answer."""

import pytest
from temporalio.service import RPCError, RPCStatusCode

from worker import sizes
from worker.errors import NoIncident, TemporalUnavailable
from worker.incidents import unanswered


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (RPCStatusCode.DEADLINE_EXCEEDED, "no answer in time; check that Temporal and a worker run"),
        (RPCStatusCode.FAILED_PRECONDITION, "no worker has taken this up yet; start one, and ask again"),
        (RPCStatusCode.PERMISSION_DENIED, "Temporal refused: not yours"),
    ],
)
def test_why_and_what_to_do_is_said_of_incidents_and_temporary_sizes_alike(
    status: RPCStatusCode, told: str
) -> None:
    error = RPCError("not yours\nat all", status, b"")
    assert unanswered(error).args == TemporalUnavailable(told).args
    assert sizes.translate("shop", error).args == TemporalUnavailable(told).args


def test_a_size_that_is_not_there_is_no_silence() -> None:
    found = sizes.translate("shop", RPCError("workflow not found", RPCStatusCode.NOT_FOUND, b""))
    assert isinstance(found, NoIncident)
