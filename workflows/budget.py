"""How much a report may hold: it is a query's answer and an activity's argument. Pure."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from workflows.models.approval import Decision
from workflows.models.base import Model
from workflows.models.diagnosis import Diagnosis
from workflows.models.outcome import Attempt
from workflows.models.plan import Cancellation, Termination
from workflows.models.report import Entry, Report
from workflows.models.text import clean

MOST_BYTES = 1_000_000
"""Of a report as JSON. A payload of Temporal may have 2 MiB; a larger one would stop the run for ever."""
MOST = {
    "timeline": 400,
    "decisions": 100,
    "requests": 100,
    "escalations": 100,
    "under_way": 100,
    "verdicts": 100,
    "attempts": 100,
    "diagnoses": 40,
}
"""Entries of each list that grows, however small they are."""
_NAMED = {"timeline": "lines of the timeline", "under_way": "pages under way"}


def fit(report: Report) -> Report:
    """The report within its budget; `left_out` says what that cost, and the history still has it.

    Of every list the first and the last entries stay: how it began and how it stands.
    """
    fitting = report.model_copy(update={name: ends(getattr(report, name), MOST[name]) for name in MOST})
    fitting = fitting.model_copy(update={"decisions": _few(report.decisions)})
    costs: dict[str, None] = {}
    for cost, lighten in _STEPS:
        if len(fitting.model_dump_json().encode()) <= MOST_BYTES:
            break
        fitting = lighten(fitting)
        costs[cost] = None
    told = {"left_out": (*_counted(report, fitting), *costs), "timeline": _marked(report, fitting)}
    return fitting.model_copy(update=told)


def ends[T](items: Sequence[T], most: int) -> tuple[T, ...]:
    """The first and the last of them, `most` together."""
    if len(items) <= most:
        return tuple(items)
    return (*items[: most - most // 2], *items[len(items) - most // 2 :])


def _few(decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
    """An answer that counted is kept before any that did not."""
    counted = [place for place, each in enumerate(decisions) if each.accepted]
    refused = [place for place, each in enumerate(decisions) if not each.accepted]
    kept = (*ends(counted, MOST["decisions"]), *ends(refused, max(MOST["decisions"] - len(counted), 0)))
    return tuple(decisions[place] for place in sorted(kept))


def _counted(whole: Report, fitting: Report) -> Iterator[str]:
    for name in MOST:
        every, kept = len(getattr(whole, name)), len(getattr(fitting, name))
        if kept < every:
            yield f"{every - kept} of {every} {_NAMED.get(name, name)}"


def _marked(whole: Report, fitting: Report) -> tuple[Entry, ...]:
    """The timeline says itself where it has a gap."""
    kept, missing = fitting.timeline, len(whole.timeline) - len(fitting.timeline)
    if not missing:
        return kept
    half = len(kept) - len(kept) // 2
    gap = Entry(at=kept[half - 1].at, text=f"{missing} lines are left out here: see the Temporal history")
    return (*kept[:half], gap, *kept[half:])


def _tell_once(report: Report) -> Report:
    """Leaked sessions stand in the first diagnosis that names some; what a wave left, in the next wave."""
    named = next((place for place, each in enumerate(report.diagnoses) if each.first.sessions), None)
    diagnoses = tuple(
        each if place == named else _without_sessions(each) for place, each in enumerate(report.diagnoses)
    )
    attempts = tuple(_without_rest(each) for each in report.attempts)
    return report.model_copy(update={"diagnoses": diagnoses, "attempts": attempts})


def _without_sessions(diagnosis: Diagnosis) -> Diagnosis:
    findings = tuple(finding.model_copy(update={"sessions": ()}) for finding in diagnosis.findings)
    return diagnosis.model_copy(update={"findings": findings})


def _without_rest(attempt: Attempt) -> Attempt:
    if not isinstance(attempt.proposal.act, Termination | Cancellation):
        return attempt
    act = attempt.proposal.act.model_copy(update={"rest": ()})
    return attempt.model_copy(update={"proposal": attempt.proposal.model_copy(update={"act": act})})


def _shorten(report: Report, most: int, longest: int) -> Report:
    """So many entries of every list and signs of every text; not of the rules, which an audit needs whole."""
    fields = Report.model_fields.keys() - {"case"}
    return report.model_copy(update={name: _cut(getattr(report, name), most, longest) for name in fields})


def _cut(value: Any, most: int, longest: int) -> Any:  # noqa: ANN401 - whatever a report holds
    if isinstance(value, Model):
        fields = type(value).model_fields
        return value.model_copy(update={name: _cut(getattr(value, name), most, longest) for name in fields})
    if isinstance(value, tuple):
        return tuple(_cut(each, most, longest) for each in ends(value, most))
    if isinstance(value, dict):
        return {clean(key, longest): _cut(value[key], most, longest) for key in ends(tuple(value), most)}
    return clean(value, longest) if type(value) is str else value


_MIDDLES = "the middle of long lists and the ends of long texts, in evidence, diagnoses and acts"
_STEPS: tuple[tuple[str, Callable[[Report], Report]], ...] = (
    ("the sessions of every diagnosis but the first, and what a wave left for the next", _tell_once),
    (_MIDDLES, partial(_shorten, most=100, longest=1000)),
    (_MIDDLES, partial(_shorten, most=20, longest=400)),
    (_MIDDLES, partial(_shorten, most=2, longest=200)),
    ("the rules that held", lambda report: report.model_copy(update={"case": None})),
)
"""What is done in turn until the report fits, and what it costs; with all of them any report fits."""
