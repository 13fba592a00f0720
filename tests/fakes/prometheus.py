"""What Prometheus would say of the world: the last scrape, counters, and the clear window."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from tests.fakes.state import App
from tests.fakes.world import World
from workflows.models.evidence import InstanceMetrics, MetricsReading
from workflows.models.policy import Thresholds
from workflows.models.reading import Known, Reading, Unavailable
from workflows.models.verdict import InstanceWindow, WindowReading

SCRAPE_SECONDS = 5
EXHAUSTED = 0.95
RECENT, MINUTE = timedelta(minutes=5), timedelta(minutes=1)
_LOOKBACK = timedelta(minutes=5)
_SOURCE = "metrics"


def scrapes(world: World, instance: str, since: datetime, until: datetime) -> list[datetime]:
    """The moments at which this instance was scraped; the newest last."""
    first = -(-int(since.timestamp()) // SCRAPE_SECONDS) * SCRAPE_SECONDS
    ticks = range(first, int(until.timestamp()) + 1, SCRAPE_SECONDS)
    moments = [datetime.fromtimestamp(tick, UTC) for tick in ticks]
    return [at for at in moments if since <= at <= until and _is_scraped(world, instance, at)]


def _is_scraped(world: World, instance: str, at: datetime) -> bool:
    state = world.state(at)
    return state.apps[instance].running and state.is_blind(_SOURCE, instance) is None


def increase(world: World, instance: str, since: datetime, until: datetime) -> float:
    """Acquire timeouts between; the same number of requests was answered with 503."""
    spans = world.spans(since, until)
    return sum(seconds * state.apps[instance].refused_per_second for seconds, state in spans)


def since_start(world: World, instance: str, at: datetime) -> float:
    """The counter of acquire timeouts, as the process shows it: from zero at its start."""
    return increase(world, instance, world.state(at).apps[instance].started_at, at)


def read(world: World, at: datetime, thresholds: Thresholds) -> MetricsReading:
    """The instant queries: everything is as old as the last scrape."""
    state = world.state(at)
    instances = {name: _read_instance(world, name, at, thresholds) for name in state.apps}
    known = [metrics for metrics in instances.values() if isinstance(metrics, Known)]
    if not known:
        gone = Unavailable(reason="no samples in the last 5 minutes")
        return MetricsReading(
            instances=instances,
            request_rate=gone,
            usual_rate=gone,
            hold_seconds=gone,
            usual_hold=gone,
            alert_firing=gone,
        )
    newest = max(metrics.at for metrics in known)
    apps = [world.state(newest).apps[name] for name in instances]
    return MetricsReading(
        instances=instances,
        request_rate=Known(value=sum(app.rate for app in apps), at=newest),
        usual_rate=Known(value=state.usual_rate, at=newest),
        hold_seconds=Known(value=sum(app.holds for app in apps) / len(apps), at=newest),
        usual_hold=Known(value=state.usual_hold, at=newest),
        alert_firing=Known(value=_fires(apps, thresholds.exhausted), at=newest),
        errors_5xx=Known(value=_errors(world, newest), at=newest),
        usual_errors_5xx=Known(value=0.0, at=newest),
    )


def _errors(world: World, at: datetime) -> float:
    """Per second, over the last minute."""
    return (
        sum(increase(world, name, at - MINUTE, at) for name in world.state(at).apps) / MINUTE.total_seconds()
    )


def _fires(apps: list[App], exhausted: float = EXHAUSTED) -> bool:
    return any(app.pool.utilization > exhausted for app in apps)


def _read_instance(
    world: World, name: str, at: datetime, thresholds: Thresholds
) -> Known[InstanceMetrics] | Unavailable:
    seen = scrapes(world, name, at - _LOOKBACK, at)
    if not seen:
        return Unavailable(reason=world.state(at).is_blind(_SOURCE, name) or "no samples: the target is down")
    newest = seen[-1]
    app = world.state(newest).apps[name]
    recent = increase(world, name, newest - RECENT, newest)
    earlier = world.state(newest - RECENT).apps[name].leaked_total

    def known(value: float) -> Known[float]:
        return Known(value=value, at=newest)

    metrics = InstanceMetrics(
        pool=app.pool,
        wait_p95=_wait(app, newest),
        timeouts=known(recent),
        errors_503=known(recent),
        leaked=known(max(0, app.leaked_total - earlier)),
        full_seconds=known(_full_for(world, name, newest, thresholds.exhausted)),
        started_at=Known(value=app.started_at, at=newest),
        least_active=_fewest(world, name, at - thresholds.leak_age / 2, at),
        scrape_seconds=float(SCRAPE_SECONDS) if len(seen) > 1 else None,
    )
    return Known(value=metrics, at=newest)


def _fewest(world: World, name: str, since: datetime, until: datetime) -> Known[int] | Unavailable:
    seen = scrapes(world, name, since, until)
    if not seen:
        return Unavailable(reason="it was not scraped lately")
    return Known(value=min(world.state(at).apps[name].pool.active for at in seen), at=seen[-1])


def _wait(app: App, at: datetime) -> Known[float] | Unavailable:
    if app.wait_p95 is None:
        return Unavailable(reason="nothing was acquired")
    return Known(value=app.wait_p95, at=at)


def _full_for(world: World, name: str, at: datetime, exhausted: float) -> float:
    full = 0.0
    for seconds, state in world.spans(world.began, at):
        full = full + seconds if state.apps[name].pool.utilization >= exhausted else 0.0
    return full


def read_window(world: World, since: datetime, until: datetime) -> WindowReading:
    """The range query over the clear window."""
    instances: dict[str, Reading[InstanceWindow]] = {}
    rates = []
    for name in world.state(until).apps:
        seen = scrapes(world, name, since, until)
        if not seen:
            instances[name] = Unavailable(reason="no samples in the window")
            continue
        apps = [world.state(at).apps[name] for at in seen]
        rates.append(sum(app.rate for app in apps) / len(apps))
        instances[name] = Known(value=_window(world, name, seen, since, until), at=until)
    nothing = Unavailable(reason="no samples in the window")
    return WindowReading(
        since=since,
        until=until,
        instances=instances,
        request_rate=Known(value=sum(rates), at=until) if rates else nothing,
        usual_rate=Known(value=world.state(until).usual_rate, at=until) if rates else nothing,
        alert_firing=Known(value=_fires(list(world.state(until).apps.values())), at=until)
        if rates
        else nothing,
    )


def _window(
    world: World, name: str, seen: list[datetime], since: datetime, until: datetime
) -> InstanceWindow:
    apps = [world.state(at).apps[name] for at in seen]
    refused = Known(value=increase(world, name, since, until), at=seen[-1])
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise([since, *seen, until])]
    return InstanceWindow(
        samples=len(seen),
        first_at=seen[0],
        last_at=seen[-1],
        longest_gap_seconds=max(gaps),
        utilization_max=_most(apps, lambda app: app.pool.utilization),
        wait_p95_max=_longest_wait(apps, seen[-1]),
        timeouts=refused,
        errors_503=refused,
    )


def _most(apps: list[App], measure: Callable[[App], float]) -> float:
    return max(measure(app) for app in apps)


def _longest_wait(apps: list[App], at: datetime) -> Known[float] | Unavailable:
    waits = [app.wait_p95 for app in apps if app.wait_p95 is not None]
    return Known(value=max(waits), at=at) if waits else Unavailable(reason="nothing was acquired")
