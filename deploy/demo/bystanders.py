"""The judge's checks where one of several instances breaks: it is found by name, and the others go on."""

from __future__ import annotations

from deploy.demo import witness
from deploy.demo.check import FULL, Check, Judge
from deploy.demo.drill import Drill
from deploy.demo.person import text_of
from workflows.wording import listed, percent


async def named(drill: Drill) -> Check:
    """By the page that the on-call engineer got, and by every diagnosis of the cause."""
    name = drill.stage.application.name
    pages = [
        text_of(each) for each in drill.stage.stack.receiver.messages("/oncall") if each.at >= drill.fault_at
    ]
    found = [each.first for each in drill.report.diagnoses] if drill.report else []
    blamed = {each.instances for each in found if each.cause is drill.scenario.cause}
    told = sum(name in page for page in pages)
    seen = f"blamed {listed(map(listed, blamed)) or 'nobody'}; on {told} of {len(pages)} pages"
    return Check(f"The broken instance is found by name: {name}", blamed == {(name,)} and told > 0, seen)


async def untouched(drill: Drill) -> Check:
    """Each of them by its own page over the whole drill, and by the engine."""
    found = {each.name: await _why_touched(drill, each.name) for each in drill.stage.others}
    what = f"The other instances went on: {listed(found)}"
    reasons = [f"{name}: {reason}" for name, reason in found.items() if reason]
    return Check(what, not reasons, listed(reasons) or _fullest(drill))


BESIDE: tuple[Judge, ...] = (named, untouched)


async def _why_touched(drill: Drill, name: str) -> str | None:
    pools = [pool for each in drill.scenes if (pool := each.others[name])]
    if not pools:
        return "its pool was never seen"
    if max(each.utilization for each in pools) > FULL:
        return "it was exhausted too"
    if len({(each.started_at, each.generation, each.size) for each in pools}) > 1:
        return "its process or its pool's size changed"
    is_same = await witness.container_start(drill.stage, name) == drill.containers[name]
    starts = await witness.starts_since(drill.stage, name, drill.fault_at)
    return None if is_same and not starts else "its container was restarted"


def _fullest(drill: Drill) -> str:
    def most(name: str) -> float:
        return max(pool.utilization for each in drill.scenes if (pool := each.others[name]))

    return listed(f"{each.name} {percent(most(each.name))} at most" for each in drill.stage.others)
