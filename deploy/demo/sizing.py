"""The judge's checks of the pool's size: changed only after an approval, bounded, and only for a time."""

from __future__ import annotations

from deploy.demo import incident
from deploy.demo.check import Check, Judge
from deploy.demo.drill import Drill
from deploy.demo.scene import Scene
from workflows.models.policy import Option


async def untouched_size(drill: Drill) -> Check:
    """By the application's own page, over the whole drill."""
    sizes = {(each.pool.size, each.pool.generation) for each in drill.scenes if each.pool}
    seen = ", ".join(f"{size} (generation {generation})" for size, generation in sorted(sizes))
    return Check("The pool's size was not changed", len(sizes) == 1, seen)


async def approval(drill: Drill) -> Check:
    """No larger size was seen before a person's answer."""
    grown, given = _first_grown(drill), drill.approval_of(Option.RESIZE)
    holds = given is not None and grown is not None and given < grown.at
    seen = f"approved at {given:%H:%M:%S}" if given else "nobody approved, or more than once"
    return Check("The size was not changed before the approval", holds, seen)


async def resize(drill: Drill) -> Check:
    """The same process has a larger size, and no larger one than the policy allows."""
    what = "The running application took a larger size, within the limit"
    before, grown = drill.scenes[0].pool, _first_grown(drill)
    if before is None or grown is None or grown.pool is None:
        return Check(what, False, "it never did")
    largest = max(each.pool.size for each in drill.scenes if each.pool)
    limit = drill.scenario.pool_size * drill.scenario.resize_factor
    seen = f"{before.size} -> {grown.pool.size} (generation {before.generation} -> {grown.pool.generation})"
    is_same = grown.pool.generation > before.generation and grown.pool.started_at == before.started_at
    return Check(what, is_same and largest <= limit, f"{seen}, {limit} at most")


async def revert(drill: Drill) -> Check:
    """Its own workflow was there before the larger size, and has reverted it, or still waits for its time."""
    change, grown, size = drill.change, _first_grown(drill), drill.scenario.pool_size
    is_before = change is not None and grown is not None and change.start_time < grown.at
    now = (await drill.stage.application.pool()).size
    if drill.reverts_in_time:
        holds = is_before and not incident.is_running(change) and now == size
        return Check("The temporary size was reverted in its time", holds, f"the pool's size is {now}")
    seen = f"{drill.stage.change_id} {'runs' if incident.is_running(change) else 'does not run'}; size {now}"
    return Check("The temporary size will be reverted", is_before and incident.is_running(change), seen)


RESIZED: tuple[Judge, ...] = (approval, resize, revert)


def _first_grown(drill: Drill) -> Scene | None:
    size = drill.scenario.pool_size
    return next((each for each in drill.scenes if each.pool and each.pool.size > size), None)
