"""A report as Markdown: for the engineer on call, the database administrator and the auditor."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from activities.advice import advise, last_statements
from activities.decided import decided
from activities.profiles.profile import Profile
from activities.report_hints import checkouts, crowd, own_queries, unread_crowd
from activities.report_parts import circumstances, course, headline, log_lines, seen, speeds
from workflows.attempts import describe_result
from workflows.markdown import Markdown, code, escape, snippet
from workflows.models.evidence import StatementReading
from workflows.models.outcome import Attempt
from workflows.models.reading import Known, Unavailable, value_of
from workflows.models.report import Report
from workflows.models.session import Session
from workflows.models.text import clean
from workflows.models.verdict import State
from workflows.pressure import describe_pressure
from workflows.wording import counted, listed, percent, span

MOST_ROWS = 30
LONGEST_ENTRY = 240
MOST_SHAPES = 5
_MET = {State.RECOVERED: "met", State.NOT_RECOVERED: "not met", State.INCONCLUSIVE: "cannot be told"}
_UNFIT_FOR_LINK = frozenset(" <>|\\`")


def render(report: Report, profiles: Mapping[str, Profile] | None = None) -> str:
    """The whole report; a table longer than a screen is cut, says so, and is complete in the JSON.

    `profiles` are the metric profiles that its target may name; by default those that come along.
    """
    text = _TEMPLATE.render(
        report=report,
        case=report.case,
        headline=headline(report),
        course=course(report),
        speeds=speeds(report),
        seen=seen(report.evidence) if report.evidence else [],
        metrics=value_of(report.evidence.metrics) if report.evidence else None,
        database=value_of(report.evidence.database) if report.evidence else None,
        pressure=_pressure(report),
        dearest=_dearest(report),
        crowd=crowd(report),
        unread_crowd=unread_crowd(report),
        leaked=_leaked(report),
        last_statements=last_statements(report),
        circumstances=circumstances(report),
        decided=decided(report),
        log_lines=log_lines(report),
        checkouts=checkouts(report),
        own_queries=own_queries(report),
        advice=advise(report, profiles),
        missing=dict.fromkeys(reason for diagnosis in report.diagnoses for reason in diagnosis.missing),
        most_rows=MOST_ROWS,
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def _leaked(report: Report) -> tuple[Session, ...]:
    found = (diagnosis.first.sessions for diagnosis in report.diagnoses if diagnosis.first.sessions)
    return next(found, ())


def _dearest(report: Report) -> list[StatementReading]:
    """The application's query shapes that took the most time together."""
    database = value_of(report.evidence.database) if report.evidence else None
    shapes = (value_of(database.statements) or ()) if database else ()
    return sorted(shapes, key=lambda shape: -shape.calls * shape.mean_seconds)[:MOST_SHAPES]


def _pressure(report: Report) -> tuple[str, ...]:
    database = value_of(report.evidence.database) if report.evidence else None
    pressure = database.pressure if database else None
    match pressure:
        case Known(value=value):
            return describe_pressure(value)
        case Unavailable(reason=reason):
            return (f"Not known: {reason}.",)
        case None:
            return ()


def _is_new(attempt: Attempt, report: Report) -> bool:
    """Whether the reason for an act says more than a diagnosis already does."""
    why = attempt.proposal.why
    return not any(
        all(reason in why for reason in diagnosis.first.reasons)
        and len(why) < 1.2 * sum(len(reason) for reason in diagnosis.first.reasons)
        for diagnosis in report.diagnoses
    )


def _link(address: str) -> Markdown:
    """An address of the configuration as a link; anything but HTTP is shown as text."""
    is_plain = address.startswith(("http://", "https://")) and address.isprintable()
    return Markdown(f"<{address}>") if is_plain and not _UNFIT_FOR_LINK & set(address) else escape(address)


def _rate(reading: Known[float] | Unavailable) -> str:
    return f"{reading.value:.1f}/s" if isinstance(reading, Known) else "unknown"


def _errors(reading: Known[float] | Unavailable | None) -> str:
    """Of few a minute's, which a second's would round away."""
    if not isinstance(reading, Known):
        return "unknown"
    return f"{reading.value:.1f}/s" if reading.value >= 1 else f"{60 * reading.value:.1f}/min"


def _time(reading: Known[float] | Unavailable) -> str:
    return span(reading.value) if isinstance(reading, Known) else "unknown"


def _pairs(values: Mapping[object, object], sign: str) -> str:
    return listed(f"{name}{sign}{value}" for name, value in values.items())


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("activities"),
        # Every value that a template prints goes through it; HTML's escaping would not fit Markdown.
        finalize=escape,
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Any] = {
        "clock": _clock,
        "moment": _moment,
        "span": span,
        "percent": percent,
        "counted": counted,
        "listed": listed,
        "rate": _rate,
        "errors": _errors,
        "time": _time,
        "code": code,
        "snippet": snippet,
        "link": _link,
        "pairs": _pairs,
        "cut": lambda text: clean(text, LONGEST_ENTRY),
        "result": describe_result,
        "met": _MET.__getitem__,
        "is_new": _is_new,
    }
    environment.filters.update(filters)
    return environment


_TEMPLATE = _environment().get_template("report.md.j2")
