"""Restart one exhausted instance (runbook, option 1), where nothing smaller helped."""

from workflows.attempts import describe_refusal, may_have_touched, of_option, of_restart
from workflows.contention import describe_contention
from workflows.lost_restarts import instances_restarted, stopping_until
from workflows.models.diagnosis import Cause
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import LookAgain, Proposal, Restart
from workflows.models.policy import Option
from workflows.ownership import at_stake
from workflows.remedies.situation import Situation
from workflows.wording import counted, span

_LARGER_PART = 0.5


def propose_restart(situation: Situation) -> Proposal | str:
    """The fullest exhausted instance that a restart may still help, or why none is restarted."""
    if obstacle := _obstacle(situation):
        return f"Restart: {obstacle}."
    found = [_consider(situation, name) for name in _fullest_first(situation)]
    if chosen := next((act for act in found if isinstance(act, Restart)), None):
        return situation.propose(
            chosen,
            effect=_describe(situation, chosen),
            risk=_risk(situation, chosen),
            asks=_needs_a_person(situation),
        )
    reasons = "; ".join(act for act in found if isinstance(act, str))
    return f"Restart: {reasons or 'no instance is exhausted'}."


def wait_for_lost_restart(situation: Situation, *, awaits_unseen: bool = True) -> LookAgain | None:
    """An instance that stops shows nothing of its pool: it need be neither in the finding nor readable."""
    seen = [name for name in situation.finding.instances if name in situation.containers]
    names = instances_restarted(situation.attempts) if awaits_unseen else seen
    until = stopping_until(situation.attempts, situation.containers, names)
    if until is None or until <= situation.now:
        return None
    why = "A restart whose answer was lost may be under way: the container still has its time to stop."
    return LookAgain(after=until - situation.now, why=why)


def _needs_a_person(situation: Situation) -> bool:
    """A restart ends everything, not only what leaked: a person judges what that costs.

    Where no leaked session was ever seen, counts that disagree are all there is, unless it is an idle leak,
    which counts that agree have shown; where a leak holds the smaller part, or the database holds the work
    up, a restart may help nothing and costs the larger part.
    """
    sessions = situation.database.sessions if situation.database else ()
    is_shown = situation.finding.cause is Cause.IDLE_LEAK or situation.finding.sessions
    seen = is_shown or any(
        may_have_touched(attempt) for attempt in of_option(situation.attempts, Option.TERMINATE)
    )
    return (
        not seen
        or situation.finding.share < _LARGER_PART
        or situation.target.database.transaction_pooler
        or describe_contention(sessions, situation.target) is not None
        or bool(at_stake(sessions, situation.target))
    )


def _obstacle(situation: Situation) -> str | None:
    if situation.is_forbidden(Option.RESTART):
        return "the policy never allows it"
    if lacking := situation.lacking(Option.RESTART):
        return lacking
    if any(finding.cause is Cause.LOST_CAPACITY for finding in situation.diagnosis.findings):
        return "capacity is lost already, a restart would take more"
    if any(finding.stage == (Cause.HOLD, True) for finding in situation.diagnosis.findings):
        return "requests wait for something else while they hold connections, and would do so again after it"
    if refused := describe_refusal(of_option(situation.attempts, Option.TERMINATE)):
        return f"it would end the sessions that were to be ended before, and {refused}"
    if refused := describe_refusal(of_option(situation.attempts, Option.RESTART)):
        return refused
    return None


def _fullest_first(situation: Situation) -> list[str]:
    names = [name for name in situation.finding.instances if name in situation.pools]
    return sorted(names, key=lambda name: -situation.pools[name].utilization)


def _consider(situation: Situation, name: str) -> Restart | str:
    instance, container = situation.target.instance(name), situation.containers.get(name)
    if instance.container is None:
        return f"{name} has no container in the configuration"
    if container is None:
        return f"the container of {name} could not be read"
    if not container.running or container.started_at is None:
        return f"the container of {name} does not run ({container.status})"
    chosen = Restart(
        instance=name,
        container=instance.container,
        container_id=container.id,
        started_at=container.started_at,
    )
    tries = of_restart(situation.attempts, name)
    reason = situation.exhaustion(tries) or _futility(chosen, tries)
    return f"{name}: {reason}" if reason else chosen


def _futility(chosen: Restart, tries: tuple[Attempt, ...]) -> str | None:
    """An instance that was restarted and is exhausted all the same is not restarted again."""
    if not tries or tries[-1].helped or tries[-1].outcome.status is OutcomeStatus.NOTHING:
        return None
    if _is_same_start(chosen, tries[-1]) and tries[-1].outcome.status is OutcomeStatus.UNKNOWN:
        return None
    return f"a restart at {tries[-1].at:%H:%M:%S} did not help"


def _is_same_start(chosen: Restart, attempt: Attempt) -> bool:
    """Whether the container still runs since the start that the attempt saw: it was not restarted."""
    return isinstance(attempt.proposal.act, Restart) and attempt.proposal.act.started_at == chosen.started_at


def _describe(situation: Situation, act: Restart) -> str:
    pool = situation.pools[act.instance]
    return (
        f"Restart the container {act.container} of {act.instance} ({act.container_id[:12]}, running since "
        f"{act.started_at:%Y-%m-%d %H:%M:%S} UTC) and wait for its health page: "
        f"all {counted(pool.active + pool.idle, 'connection')} of its pool are closed."
    )


def _risk(situation: Situation, act: Restart) -> str:
    grace = situation.containers[act.instance].stop_grace_seconds
    return (
        f"Every request on {act.instance} that does not end within {span(grace)} fails, transactions under "
        "way are rolled back, and the instance answers nobody until it is up again."
    )
