"""An examination, for a terminal of 80 columns and for machines."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from worker.check import unavailable
from worker.examination import NEEDS_INCIDENT, Examination, Found
from worker.report_view import pools, titled
from worker.step_view import clock, details
from worker.terminal import shown
from workflows.escalation import intention
from workflows.models.plan import Proposal
from workflows.models.policy import Permission
from workflows.wording import counted

_ENDINGS = {
    Found.HEALTHY: "healthy",
    Found.STEP: "a step is known",
    Found.PEOPLE: "people have to decide",
    Found.SUSPICION: "a suspicion, which another look has to confirm",
    Found.UNKNOWN: "the cause cannot be told",
}


def describe(examination: Examination) -> dict[str, Any]:
    """For machines: everything, with the guards that were asked and those that could not be."""
    return {
        "target": examination.target.name,
        "at": examination.evidence.at.isoformat(),
        "mode": examination.policy.mode,
        "looks": examination.looks,
        "found": examination.found.name.lower(),
        "exit_code": int(examination.found),
        "cause": examination.diagnosis.first.cause,
        "diagnosis": examination.diagnosis.model_dump(mode="json"),
        "plan": examination.plan.model_dump(mode="json"),
        "guards": {
            "asked": dict(examination.guards),
            "not_asked": dict(NEEDS_INCIDENT) if examination.guards else {},
        },
        "further": [each.model_dump(mode="json") for each in examination.further],
        "unavailable": {".".join(path): reason for path, reason in unavailable(examination.evidence)},
    }


def render(examination: Examination) -> RenderableType:
    """The cause first, then what would be touched, then what else was seen and what was not."""
    sections = [
        *_cause(examination),
        *pools(examination.diagnosis, "pools"),
        *_step(examination),
        *_guards(examination),
        *_further(examination),
        *_beside(examination),
        *_unread(examination),
        _end(examination),
    ]
    return Group(*(part for section in sections for part in (section, Text())))


def _cause(examination: Examination) -> Iterator[RenderableType]:
    first = examination.diagnosis.first
    sure = "" if examination.found is Found.UNKNOWN else f" ({first.confidence:.0%})"
    looks = counted(examination.looks, "look")
    head = shown(f"{examination.target.name}: {first.cause}{sure}", "bold")
    yield Group(
        Text.assemble(head, f"   {looks}, the last at {clock(examination.evidence.at)}"),
        _list([*first.reasons, *(f"to be judged by a person: {doubt}" for doubt in first.doubts)]),
    )


def _step(examination: Examination) -> Iterator[RenderableType]:
    step = examination.plan.step
    yield shown(intention(step, examination.policy.mode), "bold")
    if isinstance(step, Proposal):
        yield from details(step, examination.policy, examination.diagnosis)


def _further(examination: Examination) -> Iterator[RenderableType]:
    for each in examination.further:
        if isinstance(each.step, Proposal):
            how = "after approval" if each.step.permission is Permission.APPROVAL else "by itself"
            yield shown(f"Would follow, {each.when}, {how}: {each.step.effect}", "bold")
            yield from details(each.step, examination.policy, examination.diagnosis)


def _guards(examination: Examination) -> Iterator[RenderableType]:
    if not examination.guards:
        return
    table = titled("guards before the act", "guard", "now")
    for name, refusal in examination.guards.items():
        table.add_row(shown(name), shown(f"refuses: {refusal}", "yellow") if refusal else shown("passes"))
    for name, why in NEEDS_INCIDENT.items():
        table.add_row(shown(name), shown(f"not asked: {why}", "dim"))
    yield table


def _beside(examination: Examination) -> Iterator[RenderableType]:
    others = examination.diagnosis.findings[1:]
    told = [
        f"less likely: {each.cause} ({each.confidence:.0%}): {' '.join(each.reasons[:1])}" for each in others
    ]
    never = [each.step for each in examination.further if isinstance(each.step, str)]
    told += [f"left out: {reason}" for reason in [*examination.plan.left_out, *never]]
    if told:
        yield _list(told)


def _unread(examination: Examination) -> Iterator[RenderableType]:
    """Parts of readings; a whole one that is missing is told with the pools, a plan with what is left out."""
    told = " ".join(examination.diagnosis.missing)
    parts = unavailable(examination.evidence)
    found = [
        f"{'.'.join(path)}: {reason}" for path, reason in parts if reason not in told and path[0] != "index"
    ]
    if found:
        yield Group(shown("could not be read", "bold"), _list(found))


def _end(examination: Examination) -> RenderableType:
    found = examination.found
    return shown(f"Nothing was touched. Exit code {int(found)}: {_ENDINGS[found]}.")


def _list(lines: Iterable[str]) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    for line in lines:
        table.add_row("-", shown(line))
    return table
