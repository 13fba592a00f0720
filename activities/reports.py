"""Reports by URL: Markdown for people, JSON for machines, side by side under the target's name."""

import asyncio
import re
from typing import override

from pydantic import TypeAdapter, ValidationError
from temporalio import activity

from activities.report_store import Store
from activities.report_text import render
from workflows.errors import SourceNonsense
from workflows.models.report import Report
from workflows.models.target import Name
from workflows.ports.activities import Reports
from workflows.ports.requests import Stored, StoreRequest

_RUN = re.compile(r"[0-9A-Za-z-]+")
_NAME: TypeAdapter[str] = TypeAdapter(Name)
_LENGTH_OF_RUN = 8


class StoredReports(Reports):
    """`url` is where people find what is in the store, else the store's own address."""

    def __init__(self, store: Store, url: str | None = None) -> None:
        self._store = store
        self._url = (url or store.url).rstrip("/")

    @activity.defn
    @override
    async def store_report(self, request: StoreRequest) -> Stored:
        return await asyncio.to_thread(self._keep, request.report)

    def _keep(self, report: Report) -> Stored:
        name = f"{_target(report)}/{_name(report)}"
        if not _is_overtaken(report, self._store.read(f"{name}.json")):
            # The JSON last: it is what a later attempt compares itself with.
            self._store.write(f"{name}.md", render(report))
            self._store.write(f"{name}.json", report.model_dump_json(indent=2) + "\n")
        return Stored(url=f"{self._url}/{name}.md")


def _target(report: Report) -> str:
    try:
        return _NAME.validate_python(report.target)
    except ValidationError:
        raise SourceNonsense(f"{report.target!r} is no target's name: no folder is named after it") from None


def _name(report: Report) -> str:
    if not _RUN.fullmatch(report.run_id):
        raise SourceNonsense(f"{report.run_id!r} is no run id: no file is named after it")
    return f"{report.opened_at:%Y-%m-%dT%H%M%SZ}-{report.run_id[:_LENGTH_OF_RUN]}"


def _is_overtaken(report: Report, kept: bytes | None) -> bool:
    """A later report of the same run is there: an attempt that was thought lost came late."""
    if kept is None:
        return False
    try:
        there = Report.model_validate_json(kept)
    except ValidationError:
        return False
    return there.run_id == report.run_id and there.written_at > report.written_at
