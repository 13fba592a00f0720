"""By what a fault of chaos is seen to have struck."""

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from bench.chaos.hindering import is_refused
from bench.chaos.strike import Part, Strike

LONG_AGO = 1_000_000_000


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """One report was kept long ago."""
    folder = tmp_path / "reports" / "covetpy-app"
    folder.mkdir(parents=True)
    (folder / "kept.md").write_text("kept")
    for each in (folder / "kept.md", folder, folder.parent):
        os.utime(each, (LONG_AGO, LONG_AGO))
    return folder.parent


def test_a_report_is_refused_where_it_was_begun_and_nothing_came_of_it(reports: Path) -> None:
    since = time.time() - 1
    assert not is_refused(reports, since)
    draft = reports / "covetpy-app" / ".new.md.draft"
    draft.write_text("")
    draft.unlink()
    assert is_refused(reports, since)


def test_a_report_that_is_kept_was_not_refused(reports: Path) -> None:
    since = time.time() - 1
    (reports / "covetpy-app" / "new.md").write_text("new")
    assert not is_refused(reports, since)


def test_where_nobody_kept_a_report_yet_none_was_refused(tmp_path: Path) -> None:
    assert not is_refused(tmp_path / "reports", 0)


async def test_an_effect_that_does_not_show_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.chaos.strike.SECONDS_TO_SHOW", 0.1)
    strike = Strike()

    async def never() -> str | None:
        return "nobody asked"

    await strike.await_sight("Prometheus is asked", never)
    assert not strike.is_seen
    assert strike.unseen == "Prometheus is asked"


def test_what_is_stopped_is_out_for_the_block_and_for_every_part_of_it() -> None:
    strike = Strike()
    with strike.stops(Part.TEMPORAL, Part.WORKER):
        assert strike.outages == []
    assert [each.part for each in strike.outages] == [Part.TEMPORAL, Part.WORKER]
    assert all(timedelta() <= each.until - each.since < timedelta(seconds=1) for each in strike.outages)


def test_what_does_not_come_back_excuses_nothing() -> None:
    strike = Strike()
    with pytest.raises(TimeoutError), strike.stops(Part.WORKER):
        raise TimeoutError
    assert strike.outages == []
