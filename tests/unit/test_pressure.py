"""What presses on the server is told in sentences, and only what is out of the ordinary has a remedy."""

from datetime import UTC, datetime
from typing import Any

import pytest

from activities.report_text import render
from tests.unit import incidents, scenes
from tests.unit.scenes import GONE, known
from workflows.models.pressure import Checkpoints, ServerPressure, Standby
from workflows.pressure import describe_pressure
from workflows.wording import size

CALM = Checkpoints(timed=50, requested=4)
MONDAY = datetime(2026, 1, 5, 8, 30, tzinfo=UTC)


def pressure(**changes: Any) -> ServerPressure:
    fields = {
        "waits": {},
        "standbys": (),
        "idle_slots": 0,
        "kept_bytes": None,
        "checkpoints": CALM,
        **changes,
    }
    return ServerPressure.model_validate(fields)


def test_a_calm_server_is_one_sentence() -> None:
    assert describe_pressure(pressure()) == ("On the whole server 0 statements at work.",)


def test_waits_are_told_by_kind() -> None:
    told = describe_pressure(pressure(waits={"IO": 12, "running": 1}))
    assert told == ("On the whole server 13 statements at work, by wait: IO 12, running 1.",)


def test_each_standby_is_told_with_how_far_it_is_behind() -> None:
    standbys = (
        Standby(state="catchup", is_sync=True, behind_bytes=3 * 1024**2, behind_seconds=42.0),
        Standby(state="streaming", is_sync=False, behind_bytes=0),
        Standby(state="startup", is_sync=False),
    )
    assert describe_pressure(pressure(standbys=standbys))[1] == (
        "Standbys: synchronous, catchup, 3.0 MB behind (42 s), asynchronous, streaming, 0 bytes behind, "
        "asynchronous, startup, behind by an unknown amount."
    )


@pytest.mark.parametrize(("kept", "is_told"), [(5 * 1024**3, True), (1024**3 - 1, False), (None, False)])
def test_a_slot_without_a_reader_is_told_where_it_keeps_much(kept: int | None, is_told: bool) -> None:
    told = describe_pressure(pressure(idle_slots=1, slot_names=("cdc",), kept_bytes=kept))[1:]
    words = (
        "For 1 replication slot without a reader (cdc) 5.0 GB of log is kept: find out who reads it, "
        "before the disk is full."
    )
    assert told == ((words,) if is_told else ())


@pytest.mark.parametrize(("requested", "is_told"), [(51, True), (50, False), (9, False)])
def test_checkpoints_are_told_where_most_came_early(requested: int, is_told: bool) -> None:
    timed = 50 if requested > 9 else 0
    checkpoints = Checkpoints(timed=timed, requested=requested, since=MONDAY)
    told = describe_pressure(pressure(checkpoints=checkpoints))
    assert (told[-1].startswith("51 of 101 checkpoints since 2026-01-05 08:30 (50.5 %)")) is is_told


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 kB"), (2**50, "1024.0 TB")]
)
def test_sizes_have_units(number: int, text: str) -> None:
    assert size(number) == text


def test_the_report_tells_it_or_why_not() -> None:
    look = scenes.evidence(database=scenes.database([], pressure=known(pressure(waits={"Lock": 7}))))
    assert "statements at work, by wait: Lock 7" in render(incidents.report(evidence=look))
    look = scenes.evidence(database=scenes.database([], pressure=GONE))
    assert f"Not known: {GONE.reason}." in render(incidents.report(evidence=look))
