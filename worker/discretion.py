"""What an activity says when it fails: one sentence, no cause behind it, and no secret in it.

Temporal keeps a failure with everything it was raised from, and shows it to whoever reads the namespace: what
a driver says of a header or an address that it could not use is kept from there.
"""

from collections.abc import Iterator
from typing import Any, override

from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from worker.logs import Redaction
from workflows.errors import PoolmedicError


class Discretion(Interceptor):
    """For the worker, outside all its other interceptors; `redaction` knows the process's secrets."""

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction

    @override
    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Discreet(next, self._redaction)


class _Discreet(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, redaction: Redaction) -> None:
        super().__init__(inner)
        self._redaction = redaction

    @override
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except PoolmedicError as error:
            raise _without_secret(error, self._redaction) from None
        except FailureError:
            raise
        except Exception as error:
            # A defect of ours, whose causes say where it is: they go only where one of them says too much.
            if not _tells_secret(error, self._redaction):
                raise
            told = ApplicationError(self._redaction.blot(str(error)), type=type(error).__name__)
            raise told.with_traceback(error.__traceback__) from None


def _without_secret(error: PoolmedicError, redaction: Redaction) -> PoolmedicError:
    told = redaction.blot(error.message)
    return error if told == error.message else error.reworded(told).with_traceback(error.__traceback__)


def _tells_secret(error: BaseException, redaction: Redaction) -> bool:
    return any(redaction.blot(text) != text for text in _said(error))


def _said(error: BaseException) -> Iterator[str]:
    """By the failure, its notes, whatever it came of, and the members of a group, each once."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield str(one)
        yield from map(str, getattr(one, "__notes__", ()))
        waiting += [each for each in (one.__cause__, one.__context__) if each is not None]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
