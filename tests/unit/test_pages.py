"""What people are sent: of bounded length, with what happened first and what to do last."""

from datetime import timedelta

from tests.unit.incidents import report, restart
from tests.unit.scenes import GONE, NOW, evidence, policy, target
from workflows.diagnosis import diagnose
from workflows.escalation import closing, history, page, reasons
from workflows.models.evidence import Evidence
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.models.page import Level, Page
from workflows.models.verdict import Criterion, State, Verdict


def paged(title: str, lines: list[str]) -> Page:
    case = report().case
    assert case is not None
    return page(case, Level.L2, "key", title, lines)


def test_an_ordinary_page_is_sent_as_it_is() -> None:
    assert paged("leak", ["one", "", "two"]).body == "one\n\ntwo"


def test_a_flood_of_lines_is_cut_in_its_middle_and_says_so() -> None:
    body = paged("leak", ["Why", *["x" * 5000] * 1000, "Please take over"]).body.split("\n")
    assert (body[0], body[-1]) == ("Why", "Please take over")
    assert body[20] == "(962 lines left out: open the incident)"
    assert len(body) == 41
    assert all(len(line) <= 600 for line in body)


def test_what_could_not_be_read_is_told_once_and_first_where_the_cause_is_not_known() -> None:
    silent = Evidence(at=NOW, metrics=GONE, application=GONE, database=GONE, containers=GONE)
    told = reasons(diagnose(silent, None, target(), policy()))
    assert told[0].startswith("- Could not be read: pool of web-1: ")
    assert len([line for line in told if "Could not be read: database" in line]) == 1
    seen = reasons(diagnose(evidence(containers=GONE), None, target(), policy()))
    assert seen[-1] == "Could not be read: container of web-1: connection refused."


def test_what_strangers_write_adds_no_line() -> None:
    sent = paged("silenced: \n\x1b[2J" + "x" * 5000, ["not done: a\n# Resolved\r\u2028b"])
    assert sent.body == "not done: a # Resolved b"
    assert sent.title.isprintable()
    assert len(sent.title) <= 1000


def test_good_news_says_first_that_nobody_is_needed_then_what_was_measured() -> None:
    free = Criterion(name="utilization", state=State.RECOVERED, measured="20 % at most", limit="below 70 %")
    verdict = Verdict(state=State.RECOVERED, criteria=(free,), since=NOW - timedelta(minutes=5), until=NOW)
    assert closing(verdict) == [
        "Verified over a clear window of 5 min; nothing has to be done now.",
        "- utilization: 20 % at most (below 70 %)",
    ]


def test_without_a_verdict_nothing_is_said_to_be_verified() -> None:
    assert closing(None) == []


def test_what_touched_nothing_is_not_told_as_what_helped() -> None:
    free = restart(outcome=Outcome(status=OutcomeStatus.NOTHING, detail="free by now"))
    assert history((free,)) == ["Tried 03:00:01: the effect Result: nothing was done. free by now"]
