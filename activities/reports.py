"""Reports by URL: Markdown and HTML for people, JSON for machines, side by side under the target's name."""

import asyncio
from collections.abc import Mapping
from typing import override

from pydantic import ValidationError
from temporalio import activity

from activities import report_html, report_text
from activities.curves import Past
from activities.marks import frame
from activities.profiles.profile import Profile
from activities.report_html import Figure
from activities.report_names import folder_of, stem_of
from activities.report_store import Store
from workflows.errors import PoolmedicError
from workflows.models.report import Report
from workflows.ports.activities import Reports
from workflows.ports.requests import Stored, StoreRequest

LONGEST = 10.0
"""Seconds for the past of the pools, of the 30 that an attempt to store may take."""


class StoredReports(Reports):
    """`url` is where people find what is in the store, else the store's own address.

    `past` is asked for the plot of the HTML report; a report is stored without it as well. `profiles` say how
    the pools are measured; by default those that come along.
    """

    def __init__(
        self,
        store: Store,
        url: str | None = None,
        past: Past | None = None,
        profiles: Mapping[str, Profile] | None = None,
    ) -> None:
        self._store = store
        self._url = (url or store.url).rstrip("/")
        self._past = past
        self._profiles = profiles

    @activity.defn
    @override
    async def store_report(self, request: StoreRequest) -> Stored:
        figure = await self._figure(request.report)
        return await asyncio.to_thread(self._keep, request.report, figure)

    async def _figure(self, report: Report) -> Figure:
        shown = frame(report)
        if self._past is None or report.case is None:
            return Figure(shown, None, "nobody was asked for the past of the pools")
        try:
            async with asyncio.timeout(LONGEST):
                curves = await self._past(report.case.target, shown.since, shown.until)
        except PoolmedicError as error:
            return Figure(shown, None, error.message)
        except TimeoutError:
            return Figure(shown, None, f"Prometheus gave no answer within {LONGEST:.0f} s")
        return Figure(shown, curves, "" if curves.lines else "no instance has a line")

    def _keep(self, report: Report, figure: Figure) -> Stored:
        name = f"{folder_of(report)}/{stem_of(report)}"
        if not _is_overtaken(report, self._store.read(f"{name}.json")):
            # The JSON last: it is what a later attempt compares itself with.
            self._store.write(f"{name}.md", report_text.render(report, self._profiles))
            self._store.write(f"{name}.html", report_html.render(report, figure, self._profiles))
            self._store.write(f"{name}.json", report.model_dump_json(indent=2) + "\n")
        return Stored(url=f"{self._url}/{name}.md")


def _is_overtaken(report: Report, kept: bytes | None) -> bool:
    """A later report of the same run is there: an attempt that was thought lost came late."""
    if kept is None:
        return False
    try:
        there = Report.model_validate_json(kept)
    except ValidationError:
        return False
    return there.run_id == report.run_id and there.written_at > report.written_at
