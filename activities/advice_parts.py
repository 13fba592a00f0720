"""A piece of advice, and what it is given from."""

from typing import NamedTuple

from workflows.models.diagnosis import Cause, Finding
from workflows.models.evidence import DatabaseReading
from workflows.models.reading import value_of
from workflows.models.report import Report


class Advice(NamedTuple):
    """What to do, why, and the statement that does it where there is one."""

    what: str
    why: str
    code: str | None = None
    """The statement; names of others may be in it, so it is one line, whatever they hold."""
    pasted: str | None = None
    """Of a file of the application's or of Prometheus: one line or several, each as this program wrote it."""


def finding_of(report: Report, cause: Cause) -> Finding | None:
    """The first diagnosis that named this cause first; a certain one before a mere suspicion."""
    named = [diagnosis.first for diagnosis in report.diagnoses if diagnosis.first.cause is cause]
    return next((finding for finding in named if finding.ripe_in is None), next(iter(named), None))


def database_of(report: Report) -> DatabaseReading | None:
    return value_of(report.evidence.database) if report.evidence else None
