"""The reading of the clear window, from what Prometheus answered: only samples taken after the fix count."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from activities import traffic, usual
from activities.histogram import worst_quantile
from activities.missing import Missing, moment, read
from activities.profiles.profile import Profile
from activities.promql import duration
from activities.scraped import Asked, Scraped, answered
from activities.series import Sample, Samples, Timeline, as_of, is_finite, longest_gap, since
from activities.strangers import unexpected
from workflows.models.reading import Known
from workflows.models.verdict import InstanceWindow, WindowReading
from workflows.ports.requests import WindowLook

SCRAPED = ("active", "size", "timeouts", "errors_503", "started_at")
SHARE = 0.95
FEWEST_STEPS, MOST_STEPS = 20, 300
SHORTEST_STEP = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
"""The precision of Prometheus's times."""


class Grid(NamedTuple):
    """The times at which histograms are read: one per bucket and scrape would be too many."""

    start: datetime
    end: datetime
    step: timedelta


@dataclass(frozen=True)
class Scene:
    """What was asked about, and what came back; `waited` are the buckets of the waiting times."""

    profile: Profile
    look: WindowLook
    grid: Grid
    asked: Mapping[str, Asked]
    waited: Asked | None


def grid(look: WindowLook) -> Grid:
    """Ends with the window; its first point may lie before it, to be left out by its sample's own time."""
    length = look.until - look.since
    wanted = max(min(look.step, length / FEWEST_STEPS), length / MOST_STEPS, SHORTEST_STEP)
    step = -(-wanted // MILLISECOND) * MILLISECOND
    end = look.until.replace(microsecond=look.until.microsecond // 1000 * 1000)
    return Grid(end + length // -step * step, end, step)


def questions(profile: Profile, look: WindowLook) -> dict[str, str]:
    """PromQL by what it is for."""
    length, labels = look.until - look.since, look.target.selector
    selectors = profile.selectors(labels)
    scraped = {name: f"{selectors[name]}[{duration(length)}]" for name in SCRAPED if name in selectors}
    rates = traffic.questions(profile, labels, length) | usual.rate_questions(profile, labels)
    return scraped | profile.witness(labels, length) | rates


def bucket_question(profile: Profile, look: WindowLook) -> str | None:
    """PromQL for the buckets of the waiting times; None where the profile names none."""
    return profile.selectors(look.target.selector).get("wait_bucket")


def assemble(scene: Scene, is_firing: Callable[[], Known[bool]]) -> WindowReading:
    """Every configured instance is a key; what could not be read says why."""
    look, length = scene.look, scene.look.until - scene.look.since
    names = [instance.name for instance in look.target.instances]
    return WindowReading(
        since=look.since,
        until=look.until,
        instances={name: read(partial(_instance, scene, name)) for name in names},
        request_rate=read(lambda: traffic.read_window(scene.profile, scene.asked, look.until, length)),
        usual_rate=usual.read_rate(scene.asked, look.target, look.until),
        alert_firing=read(is_firing),
        unexpected=unexpected(scene.asked["active"], scene.profile, look.target, look.since.timestamp()),
    )


def _instance(scene: Scene, name: str) -> Known[InstanceWindow]:
    scraped = Scraped(name, scene.profile, scene.asked)
    start, end = scene.look.since.timestamp(), scene.look.until.timestamp()
    pools = since(scraped.utilization(), start)
    if not pools:
        raise Missing(f"Prometheus has not scraped the pool of {name} since {scene.look.since:%H:%M:%S} UTC")
    window = InstanceWindow(
        samples=len(pools),
        first_at=moment(pools[0].at),
        last_at=moment(pools[-1].at),
        longest_gap_seconds=longest_gap([pool.at for pool in pools], start, end),
        utilization_max=max(pool.value for pool in pools),
        wait_p95_max=read(lambda: _wait(scene, scraped, name)),
        timeouts=read(lambda: scraped.risen("timeouts", start)),
        errors_503=read(lambda: scraped.risen("errors_503", start)),
    )
    return Known(value=window, at=window.last_at)


def _wait(scene: Scene, scraped: Scraped, name: str) -> Known[float]:
    start, read_at = scene.look.since.timestamp(), _scrapes_read(scene, scraped)
    timeline = Timeline(sorted(set(read_at.values())), scraped.timeline.starts)
    buckets = _buckets(scene, name, read_at)
    if not buckets:
        series = scene.profile.series.listed()["wait_bucket"].title
        raise Missing(f"Prometheus has no waiting times of {name} ({series})")
    if not all(is_finite(counter) for counters in buckets.values() for counter in counters):
        raise Missing(f"the waiting times of {name} are not numbers")
    if not timeline.counts_since(start):
        raise Missing(f"the waiting times of {name} were read less than twice in that time")
    worst = worst_quantile(SHARE, buckets, timeline, start)
    if worst is None:
        raise Missing(f"nothing asked for a connection at {name} in that time")
    return Known(value=worst, at=scraped.last_at)


def _scrapes_read(scene: Scene, scraped: Scraped) -> dict[float, float]:
    """For each time of the grid the scrape whose samples it shows; scrapes reach back to the fix only."""
    grid, scrapes = scene.grid, [Sample(at, at) for at in scraped.scrapes]
    points = range(round((grid.end - grid.start) / grid.step) + 1)
    times = [round((grid.start + point * grid.step).timestamp(), 3) for point in points]
    shown = {at: as_of(scrapes, at) for at in times}
    return {at: scrape.at for at, scrape in shown.items() if scrape is not None}


def _buckets(scene: Scene, name: str, read_at: Mapping[float, float]) -> dict[float, list[Samples]]:
    """The counters of each upper bound, at the times of their scrapes."""
    label, buckets = scene.profile.instance_label, dict[float, list[Samples]]()
    if scene.waited is None:
        raise Missing(scene.profile.lacks("series.wait_bucket"))
    for series in answered(scene.waited):
        if series.labels.get(label) == name:
            counts = {
                read_at[round(sample.at, 3)]: sample.value
                for sample in series.samples
                if round(sample.at, 3) in read_at
            }
            buckets.setdefault(_bound(series.labels), []).append(
                [Sample(at, counts[at]) for at in sorted(counts)]
            )
    return buckets


def _bound(labels: Mapping[str, str]) -> float:
    try:
        return float(labels["le"])
    except (KeyError, ValueError):
        raise Missing("the waiting times have a bucket without an upper bound") from None
