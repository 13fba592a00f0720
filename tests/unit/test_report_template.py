"""The report as people read it: complete, honest about what is missing, and never anybody else's markup."""

from datetime import timedelta

import pytest
from hypothesis import given
from markdown_it.token import Token

from activities.report_text import MOST_ROWS, render
from tests.unit import incidents, scenes
from tests.unit.markup import EVIL, NASTY, PARSER, section, structure, words
from tests.unit.scenes import NOW, known
from workflows.markdown import code, escape
from workflows.models.diagnosis import Cause
from workflows.models.evidence import StatementReading
from workflows.models.outcome import OutcomeStatus
from workflows.models.page import Escalation, Level
from workflows.models.report import Ending, Seconds
from workflows.models.verdict import State


def spans_of(text: str) -> list[Token]:
    """The code spans of the parsed Markdown."""
    inline = [token for token in PARSER.parse(text) if token.type == "inline"]
    return [child for token in inline for child in token.children or [] if child.type == "code_inline"]


def test_a_healed_leak_reads_from_the_top() -> None:
    text = render(incidents.report())
    assert text.startswith("# shop: recovered from a connection leak\n")
    assert "At 03:00:01, decided by poolmedic, 3 sessions ended; it helped." in text
    assert "The pool was free again 3.0 s after the alert began." in text
    assert "The clear window confirmed it at 03:05:03." in text
    assert "| pool free again | 3.0 s | 15 min | kept |" in text
    assert "<http://127.0.0.1:8233/namespaces/default>" in text


def test_how_often_the_alert_fired_is_told_where_it_was_more_than_once() -> None:
    told = "The alert fired 7 times in this incident, every instance counted."
    assert told in render(incidents.report(firings=7))
    for once in (0, 1):
        assert "The alert fired" not in render(incidents.report(firings=once))


@pytest.mark.parametrize("cause", sorted(set(Cause) - {Cause.HEALTHY}))
def test_every_cause_is_told_in_words(cause: Cause) -> None:
    title = render(incidents.report(diagnoses=(incidents.diagnosis(cause),))).split("\n")[0]
    assert title.startswith("# shop: recovered from ")
    assert title != f"# shop: recovered from {cause}"


def test_every_touched_thing_is_named_with_its_result() -> None:
    done = section(render(incidents.report()), "What was done")
    assert done.count("| yes | ended |") == 3
    assert "session 100 (shop, shop-api, idle in transaction)" in done
    assert "Decided by: poolmedic" in done


def test_an_act_that_was_lost_is_not_told_as_a_success() -> None:
    lost = incidents.termination(helped=None).model_copy(
        update={
            "outcome": incidents.termination().outcome.model_copy(update={"status": OutcomeStatus.UNKNOWN})
        }
    )
    text = render(incidents.report(attempts=(lost,)))
    assert "(the answer was lost); its effect could not be told" in text


@pytest.mark.parametrize(
    ("status", "helped", "result"),
    [
        (OutcomeStatus.FAILED, False, "failed; it did not help"),
        (OutcomeStatus.NOTHING, True, "nothing was done"),
        (OutcomeStatus.NOTHING, False, "nothing was done"),
        (OutcomeStatus.REFUSED, None, "refused; nothing was done"),
    ],
)
def test_what_touched_nothing_is_told_as_tried_and_not_as_what_helped(
    status: OutcomeStatus, helped: bool | None, result: str
) -> None:
    text = render(incidents.report(attempts=(incidents.restart(status=status, helped=helped),)))
    assert f"restart was tried: {result}." in text
    assert f"restart: {result}\n" in text
    assert "restarted" not in text.split("\n")[2]


@pytest.mark.parametrize(
    ("took", "complete", "verdict"),
    [
        (899.9, True, "kept"),
        (900.1, True, "missed"),
        (None, False, "not yet"),
        (None, True, "did not happen"),
    ],
)
def test_the_sla_is_kept_missed_or_still_open(took: float | None, complete: bool, verdict: str) -> None:
    report = incidents.report(seconds=Seconds(alert_to_healthy=took), complete=complete)
    row = next(line for line in render(report).split("\n") if line.startswith("| pool free again"))
    assert row.endswith(f"| {verdict} |")


def test_a_clock_that_has_run_out_is_missed_before_it_is_over() -> None:
    report = incidents.report(
        seconds=Seconds(),
        complete=False,
        closed_at=None,
        outcome=Ending.OPEN,
        written_at=NOW + timedelta(hours=1),
    )
    text = render(report)
    assert "| pool free again | – | 15 min | missed |" in text
    assert text.startswith("# shop: connections exhausted by a connection leak, not resolved")
    assert "Written while the incident is open" in text


def test_only_the_last_verdict_is_a_table_and_earlier_ones_say_what_failed() -> None:
    verdicts = (incidents.verdict(State.NOT_RECOVERED, "88.0 % at most"), incidents.verdict())
    told = section(render(incidents.report(verdicts=verdicts)), "Verification")
    assert "- 03:05:03 not recovered: pool utilization 88.0 % at most" in told
    assert told.count("| criterion |") == 1
    assert "| pool utilization | 12.5 % at most | below 70.0 % | met |" in told
    unsure = render(incidents.report(verdicts=(incidents.verdict(State.INCONCLUSIVE),)))
    assert "The clear window did not confirm a recovery: inconclusive." in unsure


def test_what_could_not_be_read_is_told_and_a_page_that_reached_nobody_too() -> None:
    silent = Escalation(level=Level.L2, reason="not resolved", at=NOW, failure="no route")
    report = incidents.report(
        diagnoses=(incidents.diagnosis(missing=("Prometheus: connection refused",)),), escalations=(silent,)
    )
    text = render(report)
    assert "- Prometheus: connection refused" in section(text, "What could not be read")
    assert "| L2 | not resolved | **nobody**: no route |" in text
    assert "Make every source readable" in text
    assert "Repair the ways to reach people" in text
    assert "could not be read" not in render(incidents.report())


def test_answers_that_did_not_count_are_in_the_audit() -> None:
    late = incidents.decision("eve", "eve may not decide this", accepted=False, reason="I know better")
    report = incidents.report(requests=(incidents.request(),), decisions=(incidents.decision(), late))
    told = section(render(report), "Decisions").split("\n")
    asked, approved, refused, act = [line for line in told if line.startswith("| 03:")]
    assert asked.startswith("| 03:00:00 | poolmedic | asked ada (a1b2), until ")
    assert approved == "| 03:00:00 | ada | approved a1b2 | approved by ada |"
    assert refused == (
        "| 03:00:00 | eve | approved a1b2 (did not count) | "
        "eve may not decide this; their reason: I know better |"
    )
    assert act == "| 03:00:01 | poolmedic | terminate: done | because |"


def test_without_any_decision_there_is_no_table_of_them() -> None:
    assert "## Decisions" not in render(incidents.report(attempts=()))


def test_the_cause_of_a_leak_says_where_to_look() -> None:
    cause = section(render(incidents.report()), "Cause")
    assert "- 3 sessions: `SELECT * FROM orders`" in cause
    unknown = incidents.report(evidence=scenes.evidence())
    assert "query id 4711, whose text was not among those read" in render(unknown)


def test_the_dearest_queries_are_told_without_those_that_cost_little() -> None:
    shapes = tuple(
        StatementReading(query_id=n, text=f"SELECT {n}", calls=10 * n, mean_seconds=0.1, active_now=n)
        for n in range(1, 8)
    )
    look = scenes.evidence(database=scenes.database([], statements=known(shapes)))
    told = section(render(incidents.report(evidence=look)), "Cause").split("\n")
    rows = [line for line in told if line.startswith("| SELECT")]
    assert rows[0] == "| SELECT 7 | 70 | 100 ms | 7 |"
    assert [row.split()[2] for row in rows] == ["7", "6", "5", "4", "3"]


def test_long_tables_are_cut_and_say_so() -> None:
    many = MOST_ROWS + 7
    report = incidents.report(
        diagnoses=(incidents.diagnosis(sessions=many),), attempts=(incidents.termination(many),)
    )
    text = render(report)
    assert f"(the first {MOST_ROWS} of {many}; all are in the JSON report)" in text
    assert "7 more are in the JSON report." in text


def test_a_report_without_anything_is_still_a_report() -> None:
    empty = incidents.report(
        case=None,
        evidence=None,
        diagnoses=(),
        attempts=(),
        escalations=(),
        verdicts=(),
        timeline=(),
        links={},
    )
    text = render(empty)
    for sentence in ("No diagnosis was made.", "Nobody was paged.", "The clear window was not judged."):
        assert sentence in text


def test_what_strangers_write_stays_text() -> None:
    text = render(incidents.written_by_strangers(EVIL))
    assert structure(text) == structure(render(incidents.written_by_strangers(incidents.HARMLESS)))
    spans = "".join(token.content for token in spans_of(text))
    for address in ("http://evil", "www.evil", "@everyone"):
        assert text.count(address) == spans.count(address)
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert "49" not in text
    assert "http://evil.example www.evil.example @everyone" in words(text)


@given(NASTY)
def test_no_text_changes_the_structure(nasty: str) -> None:
    baseline = structure(render(incidents.written_by_strangers(incidents.HARMLESS)))
    assert structure(render(incidents.written_by_strangers(f"{nasty}x"))) == baseline


@given(NASTY)
def test_escaped_text_reads_as_it_was_written(nasty: str) -> None:
    written = " ".join(f"{nasty}x".split())
    assert words(escape(f"{nasty}x")) == written
    (inline,) = [token for token in PARSER.parse(code(f"{nasty}x")) if token.type == "inline"]
    assert [child.content for child in inline.children or []] == [written]
