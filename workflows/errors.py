"""Every way an activity can fail, as one tree.

PoolmedicError
├── SourceUnavailable        a system did not answer, or not in time: worth another try
├── SourceRefused            it answered no: rights, credentials, unknown name; another try changes nothing
├── SourceNonsense           it answered something that cannot be read
├── WrongServer              the database is not the one the target names
├── PreconditionGone         inside an act: what it was to act on is no longer what was seen
├── NotPermitted             before an act: somebody paused it, the database's ledger does not allow it, or
│                            whether it is still called for could not be read
└── NotConfigured            the worker has no route, secret or profile of that name
"""

from datetime import datetime
from typing import Self, override

from temporalio.exceptions import ApplicationError


class PoolmedicError(ApplicationError):
    """A failure of an activity, told in a sentence for the person who reads the audit."""

    retryable = False

    def __init__(self, message: str) -> None:
        super().__init__(message, type=type(self).__name__, non_retryable=not self.retryable)

    def reworded(self, message: str) -> Self:
        """The same failure, told otherwise."""
        return type(self)(message)


class SourceUnavailable(PoolmedicError):
    """A system did not answer, or not in time."""

    retryable = True


class SourceRefused(PoolmedicError):
    """A system answered no: rights, credentials, an unknown name."""


class SourceNonsense(PoolmedicError):
    """A system answered something that cannot be read."""


class WrongServer(PoolmedicError):
    """The database that answered is not the one the target names."""


class PreconditionGone(PoolmedicError):
    """What an act was to change is no longer what was seen; nothing was touched."""


class NotPermitted(PoolmedicError):
    """The act may not be done now, or whether it may could not be read; nothing was touched.

    `until` is when it may, where the refusal ends by itself.
    """

    def __init__(self, message: str, until: datetime | None = None) -> None:
        ApplicationError.__init__(
            self, message, until and until.isoformat(), type=type(self).__name__, non_retryable=True
        )
        self._until = until

    @override
    def reworded(self, message: str) -> Self:
        return type(self)(message, self._until)


class NotConfigured(PoolmedicError):
    """The worker's own configuration lacks a name that the target uses."""
