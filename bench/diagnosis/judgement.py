"""What poolmedic makes of a record, and whether that is right. Pure: its own functions, and the truth."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.diagnosis.record import Made, Record, Truth
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause, Diagnosis
from workflows.models.evidence import Evidence
from workflows.models.plan import (
    Act,
    Cancellation,
    HandOver,
    Healthy,
    IndexCreation,
    LookAgain,
    Proposal,
    Resize,
    Restart,
    SessionTimeout,
    Step,
    Termination,
)
from workflows.models.policy import Permission
from workflows.plan import plan
from workflows.usual import Usual
from workflows.wording import counted, listed

UNDECIDED = "undecided"
"""It would look again: nothing is called, and nothing done."""


@dataclass(frozen=True)
class Judgement:
    """The first decision on a record, and every act that any of its looks would have led to."""

    record: Record
    found: str
    """The cause that was called, or UNDECIDED."""
    step: str
    reasons: tuple[str, ...]
    wrong_acts: tuple[str, ...]
    """Acts that nobody is asked about, on a wrong cause or on something that the fault did not make."""
    wrong_requests: tuple[str, ...]
    """The same, where a person is asked first."""

    @property
    def is_right(self) -> bool:
        """The true cause; where something was taken away, saying that it cannot be told is right too."""
        cautious = () if self.record.is_complete else (Cause.UNKNOWN, UNDECIDED)
        return self.found in (self.record.truth.cause, *self.record.truth.also, *cautious)


def judge(record: Record) -> Judgement:
    """Diagnose and plan after every look, as the incident does; the first that does not wait decides."""
    passes = [_pass(record, number) for number in range(len(record.looks))]
    decisive = [each for each in passes if not isinstance(each[1], LookAgain)]
    diagnosis, step = decisive[0] if decisive else passes[-1]
    proposals = [step for _, step in passes if isinstance(step, Proposal)]
    faults = [(each, why) for each in proposals if (why := wrongs(each, record.truth))]
    return Judgement(
        record=record,
        found=diagnosis.first.cause if decisive else UNDECIDED,
        step=describe(step),
        reasons=diagnosis.first.reasons,
        wrong_acts=_told(each for each in faults if not _asks(each[0])),
        wrong_requests=_told(each for each in faults if _asks(each[0])),
    )


def decide(record: Record, looks: Sequence[Evidence]) -> tuple[Diagnosis, Step]:
    """What the last of these looks leads to, before anything was tried."""
    usual = Usual()
    previous: Evidence | None = None
    for each in looks[:-1]:
        usual.learn(each, previous, record.target, record.policy)
        previous = each
    look, before = looks[-1], previous and usual.as_first_seen(previous)
    diagnosis = diagnose(usual.as_first_seen(look), before, record.target, record.policy)
    return diagnosis, plan(diagnosis, look, (), record.target, record.policy, look.at).step


def wrongs(proposal: Proposal, truth: Truth) -> str:
    """Why it must not be done, in a sentence; empty where it is right."""
    if proposal.cause not in {truth.cause, *truth.also}:
        return f"the cause is {truth.cause}, not {proposal.cause}"
    if proposal.act.option not in truth.options:
        return f"{proposal.act.option} is no remedy for {truth.cause}"
    strangers = _touched(proposal.act).difference(truth.sessions)
    if strangers:
        return f"not the fault's: {listed(str(each.pid) for each in strangers)} (pid)"
    if isinstance(proposal.act, Restart) and proposal.act.instance not in truth.instances:
        return f"{proposal.act.instance} is not where it struck"
    return ""


def describe(step: Step) -> str:
    """The step in a few words."""
    match step:
        case Proposal():
            return f"{_describe_act(step.act)}, {'asks first' if _asks(step) else 'alone'}"
        case HandOver():
            return "calls people"
        case Healthy():
            return "verifies"
        case LookAgain():
            return "looks again"


def _pass(record: Record, number: int) -> tuple[Diagnosis, Step]:
    return decide(record, record.looks[: number + 1])


def _told(faults: Iterable[tuple[Proposal, str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{describe(proposal)}: {why}" for proposal, why in faults))


def _asks(proposal: Proposal) -> bool:
    return proposal.permission is not Permission.ALONE


def _touched(act: Act) -> frozenset[Made]:
    match act:
        case Termination(sessions=sessions, rest=rest):
            return frozenset(map(Made.of, (*sessions, *rest)))
        case Cancellation(statements=statements):
            return frozenset(map(Made.of, statements))
        case SessionTimeout(sessions=sessions):
            return frozenset(map(Made.of, sessions))
        case Restart() | Resize() | IndexCreation():
            return frozenset()


def _describe_act(act: Act) -> str:
    match act:
        case Termination(sessions=sessions, rest=rest):
            left = f" (then {len(rest)} more)" if rest else ""
            return f"ends {counted(len(sessions), 'session')}{left}"
        case Cancellation(statements=statements):
            return f"cancels {counted(len(statements), 'statement')}"
        case Restart(instance=instance):
            return f"restarts {instance}"
        case Resize():
            return "resizes the pool"
        case SessionTimeout(sessions=sessions):
            return f"sets a timeout, and ends {counted(len(sessions), 'session')}"
        case IndexCreation(name=name):
            return f"creates the index {name}"
