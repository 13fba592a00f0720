"""Larger pools for a time (runbook, option 3, corrected), as far as the server has slots."""

from math import floor

from workflows.attempts import of_option
from workflows.models.diagnosis import Cause
from workflows.models.outcome import OutcomeStatus
from workflows.models.plan import Proposal, Resize
from workflows.models.policy import Option
from workflows.models.target import Instance, Target
from workflows.processors import describe_processors, spare_of_processors
from workflows.remedies.situation import Situation
from workflows.slots import left_for_us, ours, spare_per_instance
from workflows.wording import listed, span


def propose_resize(situation: Situation) -> Proposal | str:
    """New sizes for every instance that can take one, or why no pool is resized."""
    if obstacle := _obstacle(situation):
        return f"Resize: {obstacle}."
    sizes = _sizes(situation)
    if not set(sizes) & set(situation.finding.instances):
        return f"Resize: {_why_no_larger(situation)}."
    baseline = {name: situation.target.instance(name).pool_size for name in sizes}
    return situation.propose(
        Resize(sizes=sizes, baseline=baseline, lasts=situation.policy.limits.resize_for),
        effect=_describe(situation, sizes),
        risk="More connections mean more work at once for the database server, which may slow down for "
        "everybody who uses it; a deployment before it is reverted starts with the configured size."
        f"{_unknown_processors(situation.target)}",
        asks=not situation.resizes_alone or situation.finding.cause is Cause.SPIKE,
    )


def largest(instance: Instance, factor: float) -> int:
    """The most a temporary size may be, by the policy."""
    return floor(instance.pool_size * factor)


def _obstacle(situation: Situation) -> str | None:
    if situation.is_forbidden(Option.RESIZE):
        return "the policy never allows it"
    if lacking := situation.lacking(Option.RESIZE):
        return lacking
    if situation.database is None:
        return "the server's slots could not be read"
    if situation.unexpected:
        return f"not in the configuration, though in the metrics: {listed(situation.unexpected)}"
    tries = of_option(situation.attempts, Option.RESIZE)
    if reason := situation.exhaustion(tries):
        return reason
    was_done = bool(tries) and tries[-1].outcome.status is OutcomeStatus.DONE
    if was_done and tries[-1].helped is False:
        return f"the pools were resized at {tries[-1].at:%H:%M:%S}, and that did not help"
    return None


def _sizes(situation: Situation) -> dict[str, int]:
    """The size now plus a part of what the server has room for, bounded by the policy; only what grows."""
    if situation.database is None:
        return {}
    maxima = ours(situation.target, situation.pools)
    spare = spare_per_instance(situation.database, situation.target, maxima)
    processors = spare_of_processors(situation.database, situation.target, maxima)
    if processors is not None:
        spare = min(spare, processors)
    wanted = {
        instance.name: min(
            situation.pools[instance.name].size + spare,
            largest(instance, situation.policy.limits.resize_factor),
        )
        for instance in situation.target.instances
        if _can_take(situation, instance)
    }
    return {name: size for name, size in wanted.items() if size > situation.pools[name].size}


def _can_take(situation: Situation, instance: Instance) -> bool:
    container = situation.containers.get(instance.name)
    is_running = container is not None and container.running
    return instance.container is not None and is_running and instance.name in situation.pools


def _why_no_larger(situation: Situation) -> str:
    exhausted = [situation.target.instance(name) for name in situation.finding.instances]
    if unfit := [instance.name for instance in exhausted if not _can_take(situation, instance)]:
        return f"{listed(unfit)}: no running container in which the size could be changed"
    factor = situation.policy.limits.resize_factor
    if all(situation.pools[instance.name].size >= largest(instance, factor) for instance in exhausted):
        sizes = listed(f"{instance.name} has {situation.pools[instance.name].size}" for instance in exhausted)
        return f"{sizes} already, and the policy allows at most {factor:g} times the configured size"
    if (beyond := _processors(situation)) and _has_slots(situation):
        return f"no free processors: {beyond}"
    return f"no free slots: {_arithmetic(situation)}"


def _has_slots(situation: Situation) -> bool:
    maxima = ours(situation.target, situation.pools)
    return (
        situation.database is not None
        and spare_per_instance(situation.database, situation.target, maxima) > 0
    )


def _processors(situation: Situation) -> str | None:
    """The numbers of the server's processors; None where they are not looked at."""
    if situation.database is None:
        return None
    maxima = ours(situation.target, situation.pools)
    return describe_processors(situation.database, situation.target, maxima)


def _unknown_processors(target: Target) -> str:
    if target.database.cores is not None:
        return ""
    return (
        " How many processors the server has is not known (database.cores), so whether they can serve more "
        "at once was not looked at."
    )


def _arithmetic(situation: Situation) -> str:
    database, target = situation.database, situation.target
    if database is None:
        return "the server could not be read"
    maxima = ours(target, situation.pools)
    limits = {"role": database.server.role_limit, "database": database.server.database_limit}
    limited = "".join(f"limit of the {what} {limit}, " for what, limit in limits.items() if limit is not None)
    return (
        f"max_connections {database.server.max_connections}, {limited}reserved "
        f"{database.server.reserved_connections}, others {max(target.database.others, database.foreign)}, "
        f"left for us {left_for_us(database, target, maxima)}, our pools may open "
        f"{sum(maxima.values())}{_at_surge(target)}"
    )


def _at_surge(target: Target) -> str:
    return f" (times {target.surge:g} while deploying)" if target.surge > 1 else ""


def _describe(situation: Situation, sizes: dict[str, int]) -> str:
    changes = listed(
        f"{name} from {situation.pools[name].size} to {size} connections" for name, size in sizes.items()
    )
    processors = f"; and processors: {numbers}" if (numbers := _processors(situation)) else ""
    return (
        f"Set the pool of {changes}, for {span(situation.policy.limits.resize_for)}, then back to the "
        f"configured size. The server has room: {_arithmetic(situation)}{processors}."
    )
