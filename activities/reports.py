"""Reports in a folder: Markdown for people, JSON for machines, each replaced in one step."""

import asyncio
import os
import re
import tempfile
from pathlib import Path
from typing import override

from pydantic import TypeAdapter, ValidationError
from temporalio import activity

from activities.report_text import render
from workflows.errors import SourceNonsense, SourceUnavailable
from workflows.models.report import Report
from workflows.models.target import Name
from workflows.ports.activities import Reports
from workflows.ports.requests import Stored, StoreRequest

_RUN = re.compile(r"[0-9A-Za-z-]+")
_NAME: TypeAdapter[str] = TypeAdapter(Name)
_LENGTH_OF_RUN = 8
_MODE = 0o640


class FileReports(Reports):
    """`folder` gets one folder per target; `url` is where people find it, else its own address."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self._folder = folder.absolute()
        self._url = (url or self._folder.as_uri()).rstrip("/")

    @activity.defn
    @override
    async def store_report(self, request: StoreRequest) -> Stored:
        return await asyncio.to_thread(self._store, request.report)

    def _store(self, report: Report) -> Stored:
        name = _name(report)
        folder = self._folder / _target(report)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not _is_overtaken(report, folder / f"{name}.json"):
                # The JSON last: it is what a later attempt compares itself with.
                _replace(folder / f"{name}.md", render(report))
                _replace(folder / f"{name}.json", report.model_dump_json(indent=2) + "\n")
        except OSError as exc:
            raise SourceUnavailable(
                f"the report could not be written below {self._folder}: {exc.strerror or exc}; "
                "make room or give the worker the right to write there"
            ) from exc
        return Stored(url=f"{self._url}/{report.target}/{name}.md")


def _target(report: Report) -> str:
    try:
        return _NAME.validate_python(report.target)
    except ValidationError:
        raise SourceNonsense(f"{report.target!r} is no target's name: no folder is named after it") from None


def _name(report: Report) -> str:
    if not _RUN.fullmatch(report.run_id):
        raise SourceNonsense(f"{report.run_id!r} is no run id: no file is named after it")
    return f"{report.opened_at:%Y-%m-%dT%H%M%SZ}-{report.run_id[:_LENGTH_OF_RUN]}"


def _is_overtaken(report: Report, file: Path) -> bool:
    """A later report of the same run is there: an attempt that was thought lost came late."""
    try:
        there = Report.model_validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError):
        return False
    return there.run_id == report.run_id and there.written_at > report.written_at


def _replace(file: Path, text: str) -> None:
    descriptor, beside = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as output:
            output.write(text)
            output.flush()
            os.fchmod(output.fileno(), _MODE)
            os.fsync(output.fileno())
        os.replace(beside, file)  # noqa: PTH105  beside is a name, not a Path
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
