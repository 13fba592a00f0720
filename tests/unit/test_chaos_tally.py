"""When a run of chaos is passed."""

import json
from pathlib import Path

import pytest

from bench.chaos.__main__ import parse_arguments, run
from bench.chaos.draw import Draw, draw, kills_at_moments
from bench.chaos.faults import KILLS
from bench.chaos.strike import Strike
from bench.chaos.tally import COUNTED, End, Tally, needed
from bench.chaos.verdict import Failure

STRUCK = End("recovered", [])
MISSED = End("recovered", [], "nobody asked")


def tally(drawn: list[Draw], ends: list[End] | None = None) -> Tally:
    found = Tally(seed=1, drawn=len(drawn), needed=needed(drawn))
    for each, end in zip(drawn, ends or [STRUCK] * len(drawn), strict=True):
        found.add(each, end)
    return found


def test_a_run_in_which_every_fault_struck_is_passed() -> None:
    assert tally(draw(300, seed=1)).is_passed
    assert tally(draw(5, seed=1)).is_passed


def test_one_trial_without_effect_is_one_too_many() -> None:
    drawn = draw(300, seed=1)
    found = tally(drawn, [MISSED, *[STRUCK] * 299])
    assert not found.is_passed
    assert found.struck == 299
    assert [each.what for each in found.not_struck] == ["nobody asked"]
    assert "in 1 trials the fault did not strike" in list(found.objections())


def test_what_was_not_played_to_its_end_is_not_passed() -> None:
    drawn = draw(5, seed=1)
    found = Tally(seed=1, drawn=5, needed=needed(drawn))
    found.add(drawn[0], STRUCK)
    assert not found.is_passed


@pytest.mark.parametrize("arguments", [["--runs", "0"], ["--only", "9999"]], ids=" ".join)
async def test_a_run_in_which_nothing_was_drawn_is_not_passed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    tally(draw(5, seed=1)).write(tmp_path / "summary.json")
    assert await run(parse_arguments([*arguments, "--folder", str(tmp_path)])) == 1
    assert capsys.readouterr().out.endswith("NOT PASSED: nothing was drawn\n")
    found = json.loads((tmp_path / "summary.json").read_text())
    assert (found["runs"], found["is_passed"]) == (0, False)


@pytest.mark.parametrize("kind", COUNTED)
def test_a_failure_is_counted_and_not_passed(kind: str) -> None:
    found = tally(draw(5, seed=1), [End("open", [Failure(kind, "it was")]), *[STRUCK] * 4])
    assert found.counts[kind] == 1
    assert not found.is_passed


def test_a_long_run_needs_every_kill_at_every_moment() -> None:
    drawn = draw(400, seed=1)
    fault, moment = next(
        (each.fault.name, each.moment.name) for each in drawn if each.fault.name == KILLS[0].name
    )
    left = [each for each in drawn if (each.fault.name, each.moment.name) != (fault, moment)]
    assert len(left) > 300
    found = tally(left)
    assert list(found.objections()) == [f"{fault}: not at the moment {moment}"]
    assert needed(left) == kills_at_moments()


def test_a_short_run_needs_those_that_it_drew() -> None:
    drawn = draw(10, seed=1)
    assert (
        needed(drawn)
        == {(each.fault.name, each.moment.name) for each in drawn if each.fault in KILLS}
        != kills_at_moments()
    )


def test_the_summary_names_what_did_not_strike(tmp_path: Path) -> None:
    drawn = draw(2, seed=1)
    tally(drawn, [MISSED, STRUCK]).write(tmp_path / "summary.json")
    found = json.loads((tmp_path / "summary.json").read_text())
    assert found["struck"] == 1
    assert found["not_struck"][0]["fault"] == drawn[0].fault.name
    assert found["is_passed"] is False
    assert {*COUNTED, "seed", "runs", "kills", "played_again"} <= found.keys()


def test_a_fault_strikes_where_all_that_it_does_was_seen() -> None:
    assert seeing({}) == (False, "it never came to it")
    assert seeing({"a process is killed": True})[0]
    both = {"a process is killed": True, "a container is asked to end": False}
    assert seeing(both) == (False, "a container is asked to end")


def seeing(seen: dict[str, bool]) -> tuple[bool, str]:
    strike = Strike()
    for what, holds in seen.items():
        strike.see(what, holds=holds)
    return strike.is_seen, strike.unseen
