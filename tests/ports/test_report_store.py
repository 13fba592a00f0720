"""Reports on a storage that is reached by URL: what is kept there, and what is said when it cannot be."""

from datetime import timedelta

import pytest

from activities.kept_reports import KeptReports
from activities.report_names import Format
from activities.report_store import open_store
from tests.ports.ftp_stage import PASSWORD, RemoteReports
from tests.ports.test_reports import NAME, at_recovery, store, stored
from tests.unit import incidents, scenes
from workflows.errors import NotConfigured, SourceUnavailable
from workflows.models.report import Report

HOUR = timedelta(hours=1)


async def test_every_format_lies_where_the_address_says(remote: RemoteReports) -> None:
    found = await store(remote.port, incidents.report())
    assert found.url == f"{remote.url}/shop/{NAME}.md"
    assert stored(remote.folder) == [f"shop/{NAME}.{ending}" for ending in ("html", "json", "md")]
    assert (remote.folder / f"shop/{NAME}.md").read_text().startswith("# shop: recovered")
    kept = Report.model_validate_json((remote.folder / f"shop/{NAME}.json").read_bytes())
    assert kept == incidents.report()


async def test_a_probe_leaves_nothing_there_and_fails_where_nothing_can_be_kept(
    remote: RemoteReports,
) -> None:
    open_store(remote.url).probe()
    assert stored(remote.folder) == []
    remote.end()
    with pytest.raises(SourceUnavailable, match="can be kept or read"):
        open_store(remote.url).probe()


async def test_the_complete_report_stays_whatever_comes_late(remote: RemoteReports) -> None:
    await store(remote.port, at_recovery())
    await store(remote.port, incidents.report())
    await store(remote.port, at_recovery())
    text = (remote.folder / f"shop/{NAME}.md").read_text()
    assert "Written at recovery" not in text


async def test_a_stored_report_is_found_again_by_target_and_run(remote: RemoteReports) -> None:
    later = incidents.report(run_id="0299c0de-0000-7000-8000-000000000001", opened_at=scenes.NOW + HOUR)
    await store(remote.port, incidents.report())
    await store(remote.port, later)
    for place in (remote.folder.as_uri(), remote.url):
        kept = KeptReports(open_store(place))
        assert Report.model_validate_json(kept.find("shop", None, Format.JSON) or "") == later
        first = kept.find("shop", incidents.report().run_id[:13], Format.JSON) or ""
        assert Report.model_validate_json(first) == incidents.report()
        assert kept.find("shop", "0199c0de-ffff", Format.JSON) is None
        assert kept.find("orders", None, Format.MARKDOWN) is None
        assert (kept.find("shop", None, Format.MARKDOWN) or "").startswith("# shop: recovered")
        assert (kept.find("shop", None, Format.HTML) or "").startswith("<!doctype html>")


async def test_a_server_that_is_gone_is_told_without_its_password_and_tried_again(
    remote: RemoteReports,
) -> None:
    await store(remote.port, at_recovery())
    remote.end()
    with pytest.raises(SourceUnavailable, match=r"can be kept or read at ftp://127.0.0.1") as failure:
        await store(remote.port, incidents.report())
    assert not failure.value.non_retryable
    assert PASSWORD not in str(failure.value)


async def test_a_server_that_is_not_there_yet_keeps_nobody_from_starting() -> None:
    port = open_store("ftp://127.0.0.1:9/incidents")
    with pytest.raises(SourceUnavailable, match="can be kept or read"):
        port.read("shop/x.json")


@pytest.mark.parametrize("address", ["gopher://reports/x", "s3://bucket/reports"])
def test_a_storage_that_nobody_knows_or_whose_package_is_missing_is_refused_at_once(address: str) -> None:
    with pytest.raises(NotConfigured, match=r"POOLMEDIC_REPORTS: .*(gopher|s3)"):
        open_store(address)


def test_a_file_url_is_a_folder() -> None:
    assert open_store("file:///srv/reports").url == "file:///srv/reports"
