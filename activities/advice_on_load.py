"""What to change for good where there is more work than the pools are made for."""

from collections.abc import Iterator
from math import ceil

from activities import advice_snippets as snippets
from activities.advice_parts import Advice, database_of, finding_of
from workflows.models.diagnosis import Cause
from workflows.models.evidence import DatabaseReading
from workflows.models.plan import Resize
from workflows.models.reading import Known, value_of
from workflows.models.report import Report
from workflows.models.verdict import State
from workflows.processors import describe_bound
from workflows.slots import left_for_us, spare_per_instance
from workflows.wording import counted, listed, percent, span

_HEADROOM = 0.7
"""Utilization that a pool should have at the usual load: the runbook's own limit of health."""


def on_spike(report: Report) -> Iterator[Advice]:
    finding, evidence = finding_of(report, Cause.SPIKE), report.evidence
    if finding is None or evidence is None or report.case is None:
        return
    pools = [value_of(pool) for pool in evidence.pools().values()]
    waiting = sum(pool.waiters or 0 for pool in pools if pool)
    yield Advice(
        "Put a circuit breaker before the pool, which turns requests away at once while it is full",
        f"{counted(waiting, 'request')} queued for a connection at the first look; {finding.reasons[0]} "
        "A request that waits for its timeout keeps its client, and the queue, for nothing",
        pasted=snippets.breaker_before_the_pool(report.case.target),
    )
    running = len(report.case.target.instances)
    yield Advice(
        f"Scale out while traffic grows, to more than {counted(running, 'instance')}",
        f"no connection was left on {listed(finding.instances)}; {_room_for_instances(report)}",
    )


def on_endless_waits(report: Report) -> Iterator[Advice]:
    """Requests queue on a pool that has been full for long, and none of them ever gives up."""
    evidence = report.evidence
    metrics = value_of(evidence.metrics) if evidence else None
    pools = {name: value_of(pool) for name, pool in evidence.pools().items()} if evidence else {}
    for name, reading in metrics.instances.items() if metrics else ():
        scraped, pool = value_of(reading), pools.get(name)
        full = (value_of(scraped.full_seconds) or 0.0) if scraped else 0.0
        if (
            scraped
            and pool
            and pool.waiters
            and full > 2 * snippets.LONGEST_WAIT
            and value_of(scraped.timeouts) == 0
        ):
            longest = span(snippets.LONGEST_WAIT)
            yield Advice(
                f"Limit how long a request waits for a connection (pool timeout, {longest} at most)",
                f"{counted(pool.waiters, 'request')} waited on {name}, full for {span(full)}, and none had "
                "given up: each keeps its client, and comes too late",
                pasted=snippets.pool_timeout(report.case.target) if report.case else None,
            )
            return


def _room_for_instances(report: Report) -> str:
    database = database_of(report)
    if database is None or report.case is None:
        return "for how many the server has slots could not be read"
    target = report.case.target
    maxima = {instance.name: instance.pool_size for instance in target.instances}
    most = max(left_for_us(database, target, maxima) // max(maxima.values()), 0)
    return (
        f"the server has slots for at most {counted(most, 'instance')} with pools of {max(maxima.values())}, "
        "beyond that a pooler has to stand between"
    )


def on_size(report: Report) -> Iterator[Advice]:
    finding = finding_of(report, Cause.UNDERSIZED)
    metrics = value_of(report.evidence.metrics) if report.evidence else None
    if finding is None or metrics is None or report.case is None:
        return
    rate, hold = value_of(metrics.request_rate), value_of(metrics.hold_seconds)
    if rate is None or hold is None:
        return
    target = report.case.target
    busy = rate * hold / len(target.instances)
    wanted, configured = ceil(busy / _HEADROOM), max(instance.pool_size for instance in target.instances)
    if wanted > configured:
        yield Advice(
            f"Configure pools of {wanted} connections per instance instead of {configured}",
            f"{rate:.1f} requests/s that hold a connection for {span(hold)} keep {busy:.1f} of them busy per "
            f"instance, and {percent(_HEADROOM)} is the most a healthy pool uses; {_room(report, configured)}"
            f"{_proof(report)}",
        )
        yield from _on_slots(report, wanted)


def _on_slots(report: Report, wanted: int) -> Iterator[Advice]:
    """Where the server has no room for pools of that size."""
    database = database_of(report)
    if database is None or report.case is None:
        return
    target = report.case.target
    sizes = {instance.name: max(wanted, instance.pool_size) for instance in target.instances}
    short = ceil(sum(sizes.values()) * target.surge) - left_for_us(database, target, sizes)
    if short > 0:
        now = database.server.max_connections
        yield Advice(
            f"Raise max_connections from {now} to at least {now + short} first, or put a pooler between",
            f"pools of {wanted} need {counted(short, 'slot')} more than the server has for this application; "
            "the server takes it at a restart, not at a reload, and every connection costs it memory"
            f"{_standbys_first(database)}",
            f"ALTER SYSTEM SET max_connections = '{now + short}'",
        )


def _standbys_first(database: DatabaseReading) -> str:
    """On a standby that has less than the server it follows, recovery stops or pauses."""
    match database.pressure:
        case Known(value=pressure) if pressure.standbys:
            where = f"first raise it, with a restart, on {_each(len(pressure.standbys))}"
        case Known():
            return ""
        case _:
            where = "whether it has standbys could not be read; first raise it, with a restart, on each"
    return f"; {where}: one with less than its primary stops or pauses its recovery"


def _each(standbys: int) -> str:
    return "its standby" if standbys == 1 else f"each of its {standbys} standbys"


def _room(report: Report, configured: int) -> str:
    database = database_of(report)
    if database is None or report.case is None:
        return "whether the server has the slots could not be read"
    target = report.case.target
    maxima = {instance.name: instance.pool_size for instance in target.instances}
    spare = spare_per_instance(database, target, maxima)
    slots = f"the server has slots for at most {configured + spare} per instance"
    return f"{slots}{describe_bound(target)}"


def _proof(report: Report) -> str:
    for attempt in reversed(report.attempts):
        act = attempt.proposal.act
        after = [verdict for verdict in report.verdicts if verdict.since >= attempt.at]
        if isinstance(act, Resize) and after and after[-1].state is State.RECOVERED:
            sizes = ", ".join(str(size) for size in sorted(set(act.sizes.values())))
            return f"; with {sizes} the clear window was passed ({after[-1].criteria[0].measured})"
    return ""
