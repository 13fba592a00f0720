"""The contract of the port Reports: on the fake, in a real folder, and on a real FTP server."""

import asyncio
import contextlib
import resource
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from activities import reports
from activities.curves import Curves
from activities.report_store import open_store
from activities.reports import StoredReports
from activities.series import Sample
from tests.fakes import cases
from tests.fakes.ports import FakeReports
from tests.fakes.world import World
from tests.ports import examples
from tests.unit import incidents
from workflows.errors import SourceNonsense, SourceUnavailable
from workflows.models.report import Report
from workflows.models.target import Target
from workflows.ports.activities import Reports
from workflows.ports.requests import Stored, StoreRequest

NAME = "2026-03-01T030000Z-0199c0de"


def in_folder(folder: Path) -> StoredReports:
    return StoredReports(open_store(str(folder)))


async def store(port: Reports, report: Report) -> Stored:
    return await examples.environment().run(port.store_report, StoreRequest(report=report))


def at_recovery() -> Report:
    complete = incidents.report()
    return complete.model_copy(
        update={
            "complete": False,
            "closed_at": None,
            "written_at": complete.written_at - timedelta(minutes=1),
        }
    )


def stored(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


@pytest.fixture(params=["fake", "folder", "ftp"])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Reports:
    if request.param == "fake":
        return FakeReports(World(cases.target()))
    return in_folder(tmp_path) if request.param == "folder" else request.getfixturevalue("remote").port


async def test_the_same_run_keeps_its_address(port: Reports) -> None:
    first = await store(port, at_recovery())
    assert first.url == (await store(port, incidents.report())).url
    other = incidents.report(run_id="0299c0de-0000-7000-8000-000000000001")
    assert (await store(port, other)).url != first.url


async def test_every_format_lies_where_the_address_says(tmp_path: Path) -> None:
    report = incidents.report()
    found = await store(in_folder(tmp_path), report)
    assert stored(tmp_path) == [f"shop/{NAME}.{ending}" for ending in ("html", "json", "md")]
    assert found.url == (tmp_path / "shop" / f"{NAME}.md").as_uri()
    assert (tmp_path / f"shop/{NAME}.md").read_text().startswith("# shop: recovered")
    assert Report.model_validate_json((tmp_path / f"shop/{NAME}.json").read_bytes()) == report
    there = await store(StoredReports(open_store(str(tmp_path)), "https://reports.example/pool/"), report)
    assert there.url == f"https://reports.example/pool/shop/{NAME}.md"


async def test_the_complete_report_replaces_the_one_at_recovery(tmp_path: Path) -> None:
    port = in_folder(tmp_path)
    await store(port, at_recovery())
    assert "Written at recovery" in (tmp_path / f"shop/{NAME}.md").read_text()
    await store(port, incidents.report())
    assert "Written at recovery" not in (tmp_path / f"shop/{NAME}.md").read_text()
    assert len(stored(tmp_path)) == 3


async def test_the_page_has_the_past_of_the_pools(tmp_path: Path) -> None:
    asked: list[tuple[Target, datetime, datetime]] = []

    async def past(target: Target, since: datetime, until: datetime) -> Curves:
        asked.append((target, since, until))
        return Curves({"web-1": [Sample(since.timestamp(), 0.2), Sample(until.timestamp(), 0.3)]}, {})

    report = incidents.report()
    await store(StoredReports(open_store(str(tmp_path)), past=past), report)
    text = (tmp_path / f"shop/{NAME}.html").read_text()
    assert text.count("<polyline") == 1
    assert report.case
    assert asked == [(report.case.target, report.opened_at - timedelta(minutes=4), report.closed_at)]


async def test_a_past_that_cannot_be_read_costs_the_plot_and_not_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(target: Target, since: datetime, until: datetime) -> Curves:
        raise SourceUnavailable("Prometheus: connection refused")

    async def endless(target: Target, since: datetime, until: datetime) -> Curves:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(reports, "LONGEST", 0.05)
    for past, told in ((gone, "connection refused"), (endless, "no answer within")):
        await store(StoredReports(open_store(str(tmp_path)), past=past), incidents.report())
        assert told in (tmp_path / f"shop/{NAME}.html").read_text()
        assert Report.model_validate_json((tmp_path / f"shop/{NAME}.json").read_bytes()).complete


async def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    port = in_folder(tmp_path)
    await store(port, incidents.report())
    before = {file: (tmp_path / file).read_bytes() for file in stored(tmp_path)}
    await store(port, incidents.report())
    assert {file: (tmp_path / file).read_bytes() for file in stored(tmp_path)} == before


async def test_an_attempt_that_comes_late_does_not_replace_the_complete_report(tmp_path: Path) -> None:
    port = in_folder(tmp_path)
    await store(port, incidents.report())
    await store(port, at_recovery())
    assert Report.model_validate_json((tmp_path / f"shop/{NAME}.json").read_bytes()).complete
    assert "Written at recovery" not in (tmp_path / f"shop/{NAME}.md").read_text()


async def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / f"shop/{NAME}.json").write_text("{")
    await store(in_folder(tmp_path), incidents.report())
    text = (tmp_path / f"shop/{NAME}.json").read_bytes()
    assert Report.model_validate_json(text) == incidents.report()


async def test_a_place_that_cannot_be_written_is_told_and_left_clean(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("a file where the folder belongs")
    with pytest.raises(SourceUnavailable, match="can be kept or read below"):
        await store(in_folder(tmp_path), incidents.report())
    assert stored(tmp_path) == ["shop"]


@contextlib.contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_without_room_the_earlier_report_stays_and_another_try_is_worth_it(tmp_path: Path) -> None:
    port = in_folder(tmp_path)
    await store(port, at_recovery())
    before = {file: (tmp_path / file).read_bytes() for file in stored(tmp_path)}
    with room_for(1000), pytest.raises(SourceUnavailable, match="File too large; make room") as failure:
        await store(port, incidents.report())
    assert not failure.value.non_retryable
    assert {file: (tmp_path / file).read_bytes() for file in stored(tmp_path)} == before


@pytest.mark.parametrize("run", ["", "../../etc", "a/b", "a.b"])
async def test_no_path_is_made_of_a_run_id_that_is_none(tmp_path: Path, run: str) -> None:
    with pytest.raises(SourceNonsense, match="no run id"):
        await store(in_folder(tmp_path), incidents.report(run_id=run))
    assert stored(tmp_path) == []


@pytest.mark.parametrize("name", ["", ".", "../shop", "a/b", "/srv", "Shop", "shop\n"])
async def test_no_folder_is_made_of_a_target_s_name_that_is_none(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "reports"
    report = incidents.report().model_copy(update={"target": name})
    with pytest.raises(SourceNonsense, match="no target's name"):
        await store(in_folder(inside), report)
    assert stored(tmp_path) == []
