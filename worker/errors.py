"""Every way a process or a command of ours can fail, as one tree; each message ends with the remedy.

WorkerError
├── Usage                    the command was given something it cannot take (exit code 2)
├── ConfigurationRefused     the configuration file or the settings have faults; all of them are told at once
├── MissingSecret            neither the environment variable nor its file holds the secret
├── TemporalUnavailable      Temporal did not answer in time, or refused the connection
├── NotSetUp                 the Temporal namespace lacks what `poolmedic setup` registers
├── NoIncident               the target has no open incident
├── NoReport                 no such report is stored, or the storage cannot be read
├── AnswerRefused            an answer to a request for approval did not count
├── PayloadSealed            what Temporal keeps is encrypted, and does not open with the keys there are
└── SubsystemLost            a part of a running process ended by itself
"""

from dataclasses import dataclass
from typing import override


class WorkerError(Exception):
    """A failure told in one sentence, with what to do about it."""

    exit_code = 1


class Usage(WorkerError):
    """The command was given something it cannot take."""

    exit_code = 2


class MissingSecret(WorkerError):
    """Neither the environment variable nor its file holds the secret."""


class TemporalUnavailable(WorkerError):
    """Temporal did not answer in time, or refused the connection."""


class NotSetUp(WorkerError):
    """The Temporal namespace lacks what `poolmedic setup` registers."""


class NoIncident(WorkerError):
    """The target has no open incident."""


class NoReport(WorkerError):
    """No such report is stored, or the storage cannot be read."""


class AnswerRefused(WorkerError):
    """An answer to a request for approval did not count."""


class PayloadSealed(WorkerError):
    """What Temporal keeps is encrypted, and does not open with the keys there are."""


class SubsystemLost(WorkerError):
    """A part of a running process ended by itself."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with the configuration: where, and what to do about it."""

    path: str
    message: str
    line: int | None = None

    @property
    def where(self) -> str:
        """With the line, where there is one."""
        return f"{self.path} (line {self.line})" if self.line else self.path

    @override
    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class ConfigurationRefused(WorkerError):
    """The configuration has faults; nothing was started."""

    exit_code = 2

    def __init__(self, source: str, faults: tuple[Fault, ...]) -> None:
        self.source, self.faults = source, faults
        told = "\n".join(f"  {fault}" for fault in faults)
        super().__init__(f"{source} has {len(faults)} fault{'s' * (len(faults) > 1)}:\n{told}")
