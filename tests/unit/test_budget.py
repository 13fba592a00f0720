"""A report always fits where it has to go, and says what it had no room for."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.report_text import render
from tests.unit import incidents, scenes
from tests.unit.scenes import NOW
from workflows.budget import MOST, MOST_BYTES, ends, fit
from workflows.models.diagnosis import Cause, Diagnosis
from workflows.models.page import Escalation, Level
from workflows.models.report import Entry, Report

WIDE = "\U0001f642"
"""Four bytes, the most that one character takes."""


def size(report: Report) -> int:
    return len(report.model_dump_json().encode())


def leaks(changes: int, sessions: int) -> tuple[Diagnosis, ...]:
    """So many changes of diagnosis, every other one a leak."""
    leak, healthy = incidents.diagnosis(sessions=sessions), incidents.diagnosis(Cause.HEALTHY, sessions=0)
    return tuple(healthy if number % 2 else leak for number in range(changes + 1))


def entries(count: int, text: str = "word") -> tuple[Entry, ...]:
    return tuple(Entry(at=NOW, text=f"{number} {text}") for number in range(count))


def test_an_ordinary_report_is_left_as_it_is() -> None:
    assert fit(incidents.report()) == incidents.report()


def test_five_hundred_leaked_sessions_and_twenty_changes_of_diagnosis_fit() -> None:
    database = scenes.database(scenes.sessions(500), statements=scenes.known(()))
    whole = incidents.report(diagnoses=leaks(20, 500), evidence=scenes.evidence(database=database))
    assert size(whole) > 2 * MOST_BYTES
    fitting = fit(whole)
    assert size(fitting) <= MOST_BYTES
    assert len(fitting.diagnoses) == 21
    assert len(fitting.diagnoses[0].first.sessions) == 500
    assert not fitting.diagnoses[2].first.sessions
    assert fitting.left_out == (
        "the sessions of every diagnosis but the first, and what a wave left for the next",
    )


def test_the_waves_of_a_large_leak_fit_without_what_each_left_for_the_next() -> None:
    found = tuple(each.identity for each in scenes.sessions(500))
    waves = []
    for begin in range(0, 500, 10):
        wave = incidents.termination(10)
        act = wave.proposal.act.model_copy(
            update={"sessions": found[begin : begin + 10], "rest": found[begin + 10 :]}
        )
        waves.append(wave.model_copy(update={"proposal": wave.proposal.model_copy(update={"act": act})}))
    whole = incidents.report(attempts=tuple(waves))
    assert size(whole) > MOST_BYTES
    fitting = fit(whole)
    assert size(fitting) <= MOST_BYTES
    ended = [one.pid for each in fitting.attempts for one in getattr(each.proposal.act, "sessions", ())]
    assert ended == [one.pid for one in found]


def test_an_answer_that_counted_is_kept_among_any_number_of_others() -> None:
    refused = tuple(incidents.decision(f"eve-{number}", "no", accepted=False) for number in range(600))
    won = incidents.decision("ada", "approved by ada")
    fitting = fit(incidents.report(decisions=(*refused[:300], won, *refused[300:])))
    assert won in fitting.decisions
    assert len(fitting.decisions) == MOST["decisions"]
    assert [each.by for each in fitting.decisions if not each.accepted][:1] == ["eve-0"]
    assert fitting.decisions[-1].by == "eve-599"
    assert fitting.left_out == ("501 of 601 decisions",)


def test_the_timeline_says_where_it_has_a_gap() -> None:
    fitting = fit(incidents.report(timeline=entries(1000)))
    texts = [entry.text for entry in fitting.timeline]
    assert texts[0] == "0 word"
    assert texts[-1] == "999 word"
    assert texts[200] == "600 lines are left out here: see the Temporal history"
    assert fitting.left_out == ("600 of 1000 lines of the timeline",)


def test_what_had_no_room_is_told_to_the_reader() -> None:
    text = render(fit(incidents.report(timeline=entries(1000))))
    assert "## What this report has no room for\n\n- 600 of 1000 lines of the timeline\n" in text
    assert "no room" not in render(incidents.report())


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 30), st.integers(0, 100))
def test_whatever_happened_fits_and_is_still_a_report(
    many: int, sessions: int, changes: int, width: int
) -> None:
    fitting = fit(_swollen(many, sessions, changes, WIDE * width))
    assert size(fitting) <= MOST_BYTES
    assert Report.model_validate_json(fitting.model_dump_json()) == fitting
    assert render(fitting)


def test_the_worst_of_it_fits_too() -> None:
    fitting = fit(_swollen(3000, 700, 80, WIDE * 1000))
    assert size(fitting) <= MOST_BYTES
    assert fitting.case is not None
    assert fitting.seconds == incidents.report().seconds


def test_rules_that_are_too_large_themselves_go_last() -> None:
    base = incidents.report()
    assert base.case is not None
    huge = base.case.target.model_copy(update={"matchers": {"service": "x" * (MOST_BYTES + 1)}})
    fitting = fit(base.model_copy(update={"case": base.case.model_copy(update={"target": huge})}))
    assert fitting.case is None
    assert "the rules that held" in fitting.left_out


def _swollen(many: int, sessions: int, changes: int, text: str) -> Report:
    """Long lists of everything, and a text that strangers write in every place for one."""
    found = tuple(scenes.sessions(sessions, usename=text, application_name=text))
    finding = incidents.diagnosis().first.model_copy(update={"sessions": found, "reasons": (text,) * 50})
    diagnosis = Diagnosis(findings=(finding,), pools={}, missing=(text,) * 50)
    act = incidents.termination(min(sessions, 50), decided_by=text)
    changed: dict[str, Any] = {
        "diagnoses": (diagnosis,) * changes,
        "attempts": (act,) * many,
        "requests": (incidents.request(text),) * many,
        "decisions": (incidents.decision(text, text), incidents.decision(text, text, accepted=False)) * many,
        "escalations": (Escalation(level=Level.L2, reason=text, at=NOW, failure=text),) * many,
        "verdicts": (incidents.verdict(measured=text),) * many,
        "timeline": tuple(Entry(at=NOW + timedelta(seconds=one), text=text) for one in range(many)),
        "evidence": scenes.evidence(database=scenes.database(list(found))),
    }
    return incidents.report(**changed)


@pytest.mark.parametrize(
    ("most", "kept"), [(0, ""), (1, "a"), (2, "ae"), (3, "abe"), (5, "abcde"), (9, "abcde")]
)
def test_ends(most: int, kept: str) -> None:
    assert "".join(ends("abcde", most)) == kept
