"""What one database server allows at a time, and for how long. Pure."""

from collections.abc import Iterable
from datetime import timedelta

from workflows.models.base import Moment
from workflows.models.permit import (
    Done,
    Given,
    Ledger,
    Order,
    Over,
    Permit,
    PermitAnswer,
    PermitRequest,
    Promise,
    Release,
    Stop,
)
from workflows.models.policy import Option
from workflows.wording import counted, span

_HOUR = timedelta(hours=1)
_REMEMBERED = timedelta(days=1)
_MOST_REMEMBERED = 1000
_MOST_STOPS, _MOST_PROMISES = 500, 500
"""More than a server has targets; what is kept has to fit into the start of the next run."""
_MOST_ORDERS = 10
_OVER_FOR = timedelta(minutes=5)
"""No shorter than the lease of an act: a request may still come that was sent before its act was given up."""


def grant(ledger: Ledger, request: PermitRequest, now: Moment) -> tuple[Ledger, PermitAnswer]:
    """The ledger after the request, and its answer; a refused one changes nothing."""
    ledger = forget(ledger, now)
    if any(each.id == request.id for each in ledger.over):
        return ledger, PermitAnswer(refusal="the act was given up before its permit was asked for")
    if any(each.id == request.id for each in ledger.permits):
        return ledger, PermitAnswer(paused=stopped(ledger, request.target))
    if paused := stopped(ledger, request.target):
        return ledger, PermitAnswer(paused=paused)
    if refused := _refuse(ledger, request, now):
        return ledger, refused
    return _with(ledger, request, now), PermitAnswer()


def holder(ledger: Ledger, request: PermitRequest, now: Moment) -> Permit | None:
    """Whose act stands in the way longest. A run does not stand in its own: its act before was lost."""
    permits = forget(ledger, now).permits if request.is_exclusive else ()
    others = [each for each in permits if _run_of(each.id) != _run_of(request.id)]
    return max(others, key=lambda each: each.until, default=None)


def _run_of(id: str) -> str:  # noqa: A002
    return id.partition("/")[0]


def release(ledger: Ledger, over: Release, now: Moment) -> Ledger:
    """The act is over, also for whoever asks for its permit yet. One that changed nothing does not count."""
    permits = tuple(each for each in ledger.permits if each.id != over.id)
    known = tuple(each for each in ledger.over if each.id != over.id)
    ledger = ledger.model_copy(update={"permits": permits, "over": (*known, Over(id=over.id, at=now))})
    if over.has_changed:
        return ledger
    done = tuple(each for each in ledger.done if each.id != over.id)
    promises = tuple(each for each in ledger.promises if each.id != over.id)
    return ledger.model_copy(update={"done": done, "promises": promises})


def pause(ledger: Ledger, stop: Stop) -> Ledger:
    """No act from now on; the same again replaces who and why. One too many is a pause of all targets."""
    others = _stops_beside(ledger, stop.target)
    if stop.target is not None and len(others) >= _MOST_STOPS:
        told = f"{stop.target} is one more than the {_MOST_STOPS} pauses that are kept, so all are paused"
        return pause(ledger, Stop(by=stop.by, why=f"{told}: {stop.why}", at=stop.at))
    return ledger.model_copy(update={"stops": (*others, stop)})


def resume(ledger: Ledger, target: str | None) -> Ledger:
    """Acts again. A pause of all targets and one of a single target are taken back each by itself."""
    return ledger.model_copy(update={"stops": _stops_beside(ledger, target)})


def note(ledger: Ledger, order: Order, now: Moment, *, is_pause: bool) -> Ledger:
    """Who gave an order, when and why; what it changes is another matter."""
    given = Given(by=order.by, why=order.why, target=order.target, at=now, is_pause=is_pause)
    return ledger.model_copy(update={"orders": (*ledger.orders, given)[-_MOST_ORDERS:]})


def stopped(ledger: Ledger, target: str) -> str | None:
    """Who wants no acts on this target and why, or None."""
    return next((stop.told for stop in ledger.stops if stop.target in (None, target)), None)


def paused_since(ledger: Ledger) -> Moment | None:
    """When the oldest pause was said that holds yet, of whatever targets."""
    return min((stop.at for stop in ledger.stops), default=None)


def promise(ledger: Ledger, target: str, until: Moment | None) -> Ledger:
    """Keep the slots of the target's enlarged pools until then, or no longer at all."""
    others = tuple(each for each in ledger.promises if each.target != target)
    own = tuple(each for each in ledger.promises if each.target == target)
    kept = tuple(each.model_copy(update={"until": until}) for each in own) if until else ()
    return ledger.model_copy(update={"promises": others + kept})


def describe(ledger: Ledger) -> list[str]:
    """A line for everything that is in force."""
    lines = [f"paused: {stop.told}" for stop in ledger.stops]
    lines += [f"under way: {permit.told}" for permit in ledger.permits]
    lines += [
        f"promised: {each.slots} slots to {each.target} until {each.until:%Y-%m-%d %H:%M} UTC"
        for each in ledger.promises
    ]
    return lines or ["nothing is under way, paused or promised"]


def orders(ledger: Ledger) -> list[str]:
    """A line for each of the last orders to pause or to resume, the newest first."""
    return [order.told for order in reversed(ledger.orders)]


def forget(ledger: Ledger, now: Moment) -> Ledger:
    """Without leases and promises whose time has come, acts of a day ago, and ends of minutes ago."""
    done = tuple(each for each in ledger.done if now - each.at < _REMEMBERED)
    return ledger.model_copy(
        update={
            "permits": tuple(each for each in ledger.permits if each.until > now),
            "done": done[-_MOST_REMEMBERED:],
            "promises": tuple(each for each in ledger.promises if each.until > now),
            "over": tuple(each for each in ledger.over if now - each.at < _OVER_FOR)[-_MOST_REMEMBERED:],
        }
    )


def _refuse(ledger: Ledger, request: PermitRequest, now: Moment) -> PermitAnswer | None:
    if other := holder(ledger, request, now):
        told = f"another act is under way on this database: {other.told}"
        return PermitAnswer(refusal=told, until=other.until)
    return _rests(ledger, request, now) or _too_often(ledger, request, now) or _without_room(ledger, request)


def _too_often(ledger: Ledger, request: PermitRequest, now: Moment) -> PermitAnswer | None:
    recent = [each for each in ledger.done if each.target == request.target and now - each.at < _HOUR]
    if request.acts_per_hour is None or len(recent) < request.acts_per_hour:
        return None
    told = f"{counted(len(recent), 'act')} on this target in the last hour, as many as the policy allows"
    return PermitAnswer(refusal=told)


def _rests(ledger: Ledger, request: PermitRequest, now: Moment) -> PermitAnswer | None:
    acts = [each for each in ledger.done if each.target == request.target]
    same = [each for each in acts if each.option is request.option]
    of_all = acts[-1].at + request.cooldown if acts else now
    of_option = same[-1].at + request.own_cooldown if same else now
    if (until := max(of_all, of_option)) <= now:
        return None
    last = "act" if of_all == until else request.option
    told = f"cooldown after the last {last} on this target: {span(until - now)} left"
    return PermitAnswer(refusal=told, until=until)


def _without_room(ledger: Ledger, request: PermitRequest) -> PermitAnswer | None:
    promised = _by_target(each for each in ledger.promises if each.target != request.target)
    if request.growth and len(promised) >= _MOST_PROMISES:
        told = f"slots are promised to {len(promised)} targets, and no more than {_MOST_PROMISES} are kept"
        return PermitAnswer(refusal=told)
    slots = sum(promised.values())
    if not request.growth or slots <= request.room:
        return None
    names = ", ".join(f"{number} to {target}" for target, number in promised.items())
    told = f"the server's free slots are promised: {names}; {max(request.room, 0)} would be left"
    return PermitAnswer(refusal=told)


def _with(ledger: Ledger, request: PermitRequest, now: Moment) -> Ledger:
    permit = Permit(id=request.id, target=request.target, option=request.option, until=now + request.lasts)
    done = Done(id=request.id, target=request.target, option=request.option, at=now)
    return ledger.model_copy(
        update={
            "permits": (*ledger.permits, permit) if request.is_exclusive else ledger.permits,
            "done": ledger.done if request.acts_per_hour is None else (*ledger.done, done),
            "promises": _promised(ledger, request, now),
        }
    )


def _promised(ledger: Ledger, request: PermitRequest, now: Moment) -> tuple[Promise, ...]:
    if request.option is not Option.RESIZE or not request.growth:
        return ledger.promises  # a size that is taken back is promised until it has been
    others = tuple(each for each in ledger.promises if each.target != request.target)
    own = [each for each in ledger.promises if each.target == request.target]
    # An act that changes nothing leaves an earlier size, which a person kept, and its slots.
    before = (max(own, key=lambda each: each.slots),) if own else ()
    until = now + request.promised_for
    new = Promise(id=request.id, target=request.target, slots=request.growth, until=until)
    return (*others, *before, new)


def _by_target(promises: Iterable[Promise]) -> dict[str, int]:
    """Slots for each: growth is counted from the configured size, so that the largest holds the others."""
    slots = dict[str, int]()
    for each in promises:
        slots[each.target] = max(slots.get(each.target, 0), each.slots)
    return slots


def _stops_beside(ledger: Ledger, target: str | None) -> tuple[Stop, ...]:
    return tuple(stop for stop in ledger.stops if stop.target != target)
