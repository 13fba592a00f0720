"""What a stored report is called: by target, by when its incident was opened, by run, by format."""

import re
from enum import StrEnum

from pydantic import TypeAdapter, ValidationError

from workflows.errors import SourceNonsense
from workflows.models.report import Report
from workflows.models.target import Name

_RUN = re.compile(r"[0-9A-Za-z-]+")
_NAME: TypeAdapter[str] = TypeAdapter(Name)
_LENGTH_OF_RUN = 8
_STEM = re.compile(rf"\d{{4}}-\d\d-\d\dT\d{{6}}Z-[0-9A-Za-z-]{{1,{_LENGTH_OF_RUN}}}")


class Format(StrEnum):
    """As what a report is stored; the value ends the file's name."""

    MARKDOWN = "md"
    HTML = "html"
    JSON = "json"


def folder_of(report: Report) -> str:
    """The target's name; raises SourceNonsense."""
    try:
        return _NAME.validate_python(report.target)
    except ValidationError:
        raise SourceNonsense(f"{report.target!r} is no target's name: no folder is named after it") from None


def stem_of(report: Report) -> str:
    """The file's name without its ending; names sort by time. Raises SourceNonsense."""
    if not _RUN.fullmatch(report.run_id):
        raise SourceNonsense(f"{report.run_id!r} is no run id: no file is named after it")
    return f"{report.opened_at:%Y-%m-%dT%H%M%SZ}-{report.run_id[:_LENGTH_OF_RUN]}"


def is_stem(text: str) -> bool:
    """Whether a report may be called so."""
    return _STEM.fullmatch(text) is not None


def may_be_of(stem: str, run: str) -> bool:
    """Whether it is a report of the run whose id begins so; the name has only the id's beginning."""
    return stem.endswith(f"-{run[:_LENGTH_OF_RUN]}")
