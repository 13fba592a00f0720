"""From evidence to ranked causes. Pure; one function per cause, a new cause is one more in the tuple."""

from collections.abc import Callable

from workflows.causes.capacity import find_lost_capacity
from workflows.causes.ddl import find_ddl_queue
from workflows.causes.degraded import find_degraded
from workflows.causes.hold import find_hold
from workflows.causes.idle_leak import find_idle_leak
from workflows.causes.leak import find_leak
from workflows.causes.load import find_spike, find_undersized
from workflows.causes.lock import find_lock
from workflows.causes.slow import find_slow
from workflows.causes.symptoms import Symptoms, observe
from workflows.exhaustion import describe_pool
from workflows.models.diagnosis import Cause, Diagnosis, Finding
from workflows.models.evidence import Evidence
from workflows.models.policy import Policy
from workflows.models.reading import Unavailable
from workflows.models.target import Target
from workflows.wording import listed, percent, unread


def find_health(symptoms: Symptoms) -> Finding | str:
    """Every pool read, none exhausted, every instance answers a query; or what speaks against it."""
    if symptoms.exhausted:
        return (
            f"Exhausted: {listed(describe_pool(name, symptoms.pools[name]) for name in symptoms.exhausted)}."
        )
    names = [instance.name for instance in symptoms.target.instances]
    if unread := [name for name in names if name not in symptoms.pools or name not in symptoms.pages]:
        return f"Whether every pool is free cannot be told: {listed(unread)} could not be read."
    if symptoms.unexpected:
        return (
            f"Whether every pool is free cannot be told: not in the configuration, though in the metrics: "
            f"{listed(symptoms.unexpected)}."
        )
    if silent := [
        name for name, page in symptoms.pages.items() if isinstance(page.probe_seconds, Unavailable)
    ]:
        return f"No pool is exhausted, but a query through the pool is not answered on {listed(silent)}."
    limit = symptoms.policy.thresholds.exhausted
    pools = listed(describe_pool(name, pool) for name, pool in symptoms.pools.items())
    return Finding(
        cause=Cause.HEALTHY,
        confidence=1.0,
        reasons=(f"No pool is above {percent(limit)}: {pools}.",),
    )


CAUSES: tuple[Callable[[Symptoms], Finding | str], ...] = (
    find_health,
    find_leak,
    find_lock,
    find_ddl_queue,
    find_slow,
    find_idle_leak,
    find_hold,
    find_lost_capacity,
    find_degraded,
    find_spike,
    find_undersized,
)
"""Each says that it is the cause, or in a sentence why it is not."""
_OUT_OF_STEP = 0.7
"""Requests that wait in step for one service, mostly of whole seconds, may all be young at a look."""


def diagnose(
    evidence: Evidence,
    previous: Evidence | None,
    target: Target,
    policy: Policy,
    *,
    awaits_rising: bool = True,
) -> Diagnosis:
    """What is wrong, most likely first; `previous` is the look before, of the same incident."""
    symptoms = observe(evidence, previous, target, policy, awaits_rising=awaits_rising)
    answers = [find(symptoms) for find in CAUSES]
    findings = [answer for answer in answers if isinstance(answer, Finding)]
    dismissals = tuple(answer for answer in answers if isinstance(answer, str))
    return Diagnosis(
        findings=tuple(sorted(findings, key=lambda finding: -finding.confidence))
        or (_unknown(symptoms, dismissals, is_first=previous is None),),
        pools=dict(symptoms.readings),
        missing=symptoms.missing,
    )


def doubt(diagnosis: Diagnosis, before: Diagnosis | None, policy: Policy) -> Diagnosis:
    """A cause that the look `before` named and this one does not see: a second one is to say so too.

    What an act left behind may still drain, with nothing in it that would tell.
    """
    found, named = diagnosis.first, before and before.first
    is_lost = named and named.ripe_in is None and named.cause not in {Cause.HEALTHY, Cause.UNKNOWN}
    if found.cause is not Cause.UNKNOWN or found.ripe_in is not None or not is_lost:
        return diagnosis
    again = found.model_copy(update={"ripe_in": _OUT_OF_STEP * policy.pace.settle})
    return diagnosis.model_copy(update={"findings": (again,)})


def _unknown(symptoms: Symptoms, dismissals: tuple[str, ...], *, is_first: bool) -> Finding:
    """One look may fall between two requests, or upon a busy source: a second one is to say so too.

    What could not be read comes first: it may be the very thing that would tell.
    """
    settle = symptoms.policy.pace.settle
    return Finding(
        cause=Cause.UNKNOWN,
        confidence=0.0,
        reasons=(*unread(symptoms.missing), *dismissals),
        instances=symptoms.exhausted,
        ripe_in=_OUT_OF_STEP * settle if is_first else None,
    )
