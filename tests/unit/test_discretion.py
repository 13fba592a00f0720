"""What Temporal keeps of a failed activity holds no secret, and nothing that a driver said of one."""

from datetime import UTC, datetime
from typing import Any, cast, override

import httpx
import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter, DefaultPayloadConverter
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.http_source import HttpSource
from worker.discretion import Discretion
from worker.logs import Redaction
from workflows.errors import NotPermitted, SourceRefused, SourceUnavailable

SECRET = "hunter2secret"


class Failing(ActivityInboundInterceptor):
    """An activity that raises what it is given, as it came about."""

    def __init__(self, failure: BaseException) -> None:
        self._failure = failure

    @override
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        raise self._failure


async def left(failure: BaseException) -> BaseException:
    """What the activity's failure is once it is told to Temporal."""
    redaction = Redaction()
    redaction.know([SECRET])
    discreet = Discretion(redaction).intercept_activity(Failing(failure))
    with pytest.raises(BaseException) as told:  # noqa: PT011  it is looked at
        await discreet.execute_activity(cast("ExecuteActivityInput", None))
    return told.value


def kept(failure: BaseException) -> Failure:
    """As the history has it, with every cause."""
    record = Failure()
    DefaultFailureConverter().to_failure(failure, DefaultPayloadConverter(), record)
    return record


def caused(failure: Exception, cause: Exception) -> Exception:
    """The failure, raised from that."""
    failure.__cause__ = cause
    return failure


async def test_a_header_that_cannot_be_sent_is_not_kept() -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError(f"Illegal header value b'Bearer {SECRET}\\n#'")

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse)) as client:
        with pytest.raises(SourceUnavailable) as failure:
            await HttpSource(client, "Prometheus").get("http://prometheus")
    assert SECRET in str(kept(failure.value)), "the driver's own words are the cause"
    told = kept(await left(failure.value))
    assert told.message == "Prometheus broke off its answer (LocalProtocolError)"
    assert not told.HasField("cause")
    assert SECRET not in str(told)


@pytest.mark.parametrize("error", [SourceRefused, SourceUnavailable])
async def test_a_message_of_ours_is_kept_without_the_secret_in_it(error: type[SourceRefused]) -> None:
    told = await left(error(f"the engine answered 400: {SECRET}"))
    assert type(told) is error
    assert told.message == "the engine answered 400: **********"
    assert told.non_retryable is not error.retryable


async def test_when_an_act_may_be_tried_is_kept() -> None:
    until = datetime(2026, 3, 1, tzinfo=UTC)
    told = await left(NotPermitted(f"{SECRET} holds it", until))
    assert isinstance(told, NotPermitted)
    assert (told.message, told.details) == ("********** holds it", (until.isoformat(),))


def noted(failure: Exception, note: str) -> Exception:
    """The failure, with a note to it."""
    failure.add_note(note)
    return failure


def beside(failure: Exception, context: Exception) -> Exception:
    """The failure, raised from something else, while that was handled."""
    failure.__context__ = context
    return failure


@pytest.mark.parametrize(
    "failure",
    [
        ValueError(f"invalid literal for int(): '{SECRET}'"),
        caused(ValueError("a bug"), OSError(f"{SECRET}: no such host")),
        caused(ValueError("a bug"), caused(KeyError("x"), OSError(SECRET))),
        caused(ValueError("a bug"), ExceptionGroup("several", [KeyError("x"), OSError(SECRET)])),
        caused(ValueError("a bug"), ExceptionGroup("several", [caused(KeyError("x"), OSError(SECRET))])),
        noted(ValueError("a bug"), f"while {SECRET} was sent"),
        caused(ValueError("a bug"), noted(OSError("no such host"), f"of {SECRET}")),
        beside(caused(ValueError("a bug"), KeyError("x")), OSError(SECRET)),
    ],
)
async def test_a_defect_that_tells_a_secret_is_kept_without_it(failure: Exception) -> None:
    told = await left(failure)
    assert isinstance(told, ApplicationError)
    assert told.type == "ValueError"
    assert not told.non_retryable
    assert SECRET not in str(kept(told))
    assert kept(told).stack_trace


async def test_any_other_failure_is_left_as_it_is() -> None:
    for failure in (caused(ValueError("a bug"), OSError("no such host")), CancelledError("stopped")):
        assert await left(failure) is failure
    assert kept(caused(ValueError("a bug"), OSError("no such host"))).cause.message == "no such host"
