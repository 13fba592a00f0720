"""When people are called, and what they are told. Pure: clocks as deadlines, pages as text."""

from enum import StrEnum
from typing import NamedTuple

from workflows.attempts import describe_result
from workflows.budget import ends
from workflows.models.alert import Case
from workflows.models.approval import Request
from workflows.models.base import Moment
from workflows.models.diagnosis import Cause, Diagnosis
from workflows.models.neighbour import Standing
from workflows.models.outcome import Attempt
from workflows.models.page import Asked, Level, Page
from workflows.models.plan import HandOver, Healthy, LookAgain, Plan, Proposal, Step
from workflows.models.policy import Mode
from workflows.models.text import clean
from workflows.models.verdict import Verdict
from workflows.naming import target_of
from workflows.wording import counted, listed, span, unread


class Clock(StrEnum):
    """The three clocks of the runbook."""

    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    LEADERSHIP = "leadership"


CALLS = {Clock.ACKNOWLEDGE: Level.L2, Clock.RESOLVE: Level.L2, Clock.LEADERSHIP: Level.L3}
"""Whom a clock that ran out calls."""


class Call(NamedTuple):
    """What a level is called for; one that was left to a neighbour, or not delivered, is owed."""

    level: Level
    reason: str
    key: str | None = None
    about: Cause | None = None
    """The cause it speaks of: without meaning once another one is found; None where it holds for any."""

    @property
    def once(self) -> str:
        """By what it is known as told: each level is told once per key."""
        return f"{self.level}/{self.key or self.reason}"


_LONGEST_LINE = 600
_MOST_LINES = 40
_BREACH = {
    Clock.ACKNOWLEDGE: "nobody has acknowledged the incident",
    Clock.RESOLVE: "the incident is not resolved",
    Clock.LEADERSHIP: "the incident is still not resolved",
}


def breach_reason(clock: Clock, since: Moment, now: Moment) -> str:
    """Why the clock calls, with the minutes that passed."""
    return f"{_BREACH[clock]} after {(now - since).total_seconds() / 60:.0f} min"


def page(
    case: Case,
    level: Level,
    key: str,
    title: str,
    lines: list[str],
    *,
    is_good_news: bool = False,
    asked: Asked | None = None,
) -> Page:
    """A page to a level, or to the one who is asked, by the routes of either, with the incident's links."""
    return Page(
        key=key,
        level=level,
        target=case.target.name,
        routes=case.policy.approval.routes[asked.by] if asked else case.target.routes.of(level),
        title=f"{case.target.name}: {title}",
        body="\n".join(_few(lines)),
        links=case.links,
        is_good_news=is_good_news,
        asked=asked,
    )


def _few(lines: list[str]) -> list[str]:
    """Each cleaned and cut, and not too many: the first say what happened, the last what to do."""
    kept = [clean(line, _LONGEST_LINE) for line in ends(lines, _MOST_LINES)]
    if missing := len(lines) - len(kept):
        kept.insert(_MOST_LINES // 2, f"({counted(missing, 'line')} left out: open the incident)")
    return kept


def opening(case: Case, diagnosis: Diagnosis, plan: Plan) -> list[str]:
    """What level 1 is told first: what is wrong, why we think so, what happens next, and what does not."""
    finding = diagnosis.first
    return [
        f"Cause, most likely: {finding.cause} (confidence {finding.confidence:.0%}).",
        *reasons(diagnosis),
        intention(plan.step, case.policy.mode),
        *omissions(plan),
    ]


def reasons(diagnosis: Diagnosis) -> list[str]:
    """Why it is thought so, and what could not be read; an unknown cause's own reasons say that first."""
    told = diagnosis.first.reasons
    missing = [sentence for sentence in unread(diagnosis.missing) if sentence not in told]
    return [*(f"- {reason}" for reason in told), *missing]


def omissions(plan: Plan) -> list[str]:
    """The options that were left out, each with its reason."""
    return [f"Left out: {reason}" for reason in plan.left_out]


def intention(step: Step, mode: Mode) -> str:
    """What the tool does next, in one sentence."""
    match step:
        case Proposal() if mode is Mode.OBSERVE:
            return f"Mode is observe, nothing is touched. It would: {step.effect}"
        case Proposal():
            return (
                f"Next ({'after approval' if step.permission == 'approval' else 'by itself'}): {step.effect}"
            )
        case LookAgain():
            return f"Next: look again in {step.after.total_seconds():.0f} s. {step.why}"
        case HandOver():
            return f"Next: people decide. {step.reason}"
        case Healthy():
            return f"Next: watch the clear window. {step.why}"


def request_lines(
    request: Request, workflow_id: str, reached: tuple[str, ...] = (), to: str | None = None
) -> list[str]:
    """What an approver is asked, and the ways to answer; `reached` have links of their own, `to` reads it."""
    target = target_of(workflow_id)
    many = f"{request.people} of them have to approve, one refusal ends it; " if request.people > 1 else ""
    payload = f'{{"request": "{request.id}", "by": "<your name>"}}'
    return [
        f"Asked: {request.effect}",
        f"Risk: {request.risk}",
        f"May decide: {', '.join(request.approvers)}; {many}until {request.until:%Y-%m-%d %H:%M:%S} UTC.",
        _ways(reached, to),
        f"1. poolmedic approve {target} {request.id} --by <your name>   (or: reject)",
        f"2. temporal workflow signal --workflow-id {workflow_id} --name approve --input '{payload}'",
        f"3. Temporal UI: open {workflow_id}, Send a Signal, name approve or reject, JSON input {payload}",
    ]


def _ways(reached: tuple[str, ...], to: str | None) -> str:
    if to:
        return f"{to}: answer by your link below, which answers in your name, or in one of three ways:"
    linked = f"By a link that was sent to them alone: {listed(reached)}. " if reached else ""
    return f"{linked}Answer in one of three ways:"


def several(case: Case, others: tuple[Standing, ...]) -> list[str]:
    """What leadership is told when several targets of one database are in an incident at once."""
    names = listed([case.target.name, *(each.target for each in others)])
    database = case.target.database.name
    advice = (
        "This is told once. Each incident goes on by itself; the database team is called where the database "
        "is slow itself, or no option is left. As they are now: poolmedic incidents --open."
    )
    exhausted = f"{counted(len(others) + 1, 'pool')} on database {database} exhausted at once: {names}."
    return [exhausted, *beside(others), advice]


def beside(others: tuple[Standing, ...]) -> list[str]:
    """The other incidents on the same database, a line each."""
    return [
        f"On the same database: {each.target}, since {each.opened_at:%H:%M:%S}"
        f"{f', {each.cause}' if each.cause else ''}."
        for each in others
    ]


def closing(verdict: Verdict | None) -> list[str]:
    """What level 1 is told when the clear window held: that nothing is asked, and what was measured."""
    if verdict is None:
        return []
    return [
        f"Verified over a clear window of {span(verdict.until - verdict.since)}; nothing has to be done now.",
        *(f"- {each.name}: {each.measured} ({each.limit})" for each in verdict.criteria),
    ]


def history(attempts: tuple[Attempt, ...]) -> list[str]:
    """What was tried and what came of it, a line each."""
    if not attempts:
        return ["Nothing was done to the target so far."]
    return [
        f"Tried {attempt.at:%H:%M:%S}: {attempt.proposal.effect} "
        f"Result: {describe_result(attempt)}. {attempt.outcome.detail}".rstrip()
        for attempt in attempts
    ]
