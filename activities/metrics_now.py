"""The reading of now, from what Prometheus answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from activities import server_errors, traffic, usual
from activities.missing import Missing, moment, read
from activities.profiles.profile import Profile
from activities.promql import duration
from activities.scraped import Asked, Scraped, answered, number
from activities.series import unbroken_seconds, usual_pause
from activities.strangers import unexpected
from workflows.models.evidence import InstanceMetrics, MetricsReading
from workflows.models.reading import Known
from workflows.ports.requests import Look

SCRAPED = (
    "active",
    "idle",
    "size",
    "waiters",
    "in_flight",
    "timeouts",
    "errors_503",
    server_errors.MEANING,
    "leaked",
    "started_at",
)


@dataclass(frozen=True)
class Scene:
    """What was asked about, and what came back."""

    profile: Profile
    look: Look
    now: datetime
    asked: Mapping[str, Asked]


def questions(profile: Profile, selector: Mapping[str, str], lookback: timedelta) -> dict[str, str]:
    """PromQL by what it is for. All samples are asked for over the same time, so that absent means absent."""
    selectors = profile.selectors(selector)
    scraped = {name: f"{selectors[name]}[{duration(lookback)}]" for name in SCRAPED if name in selectors}
    templates = {"wait_p95": profile.queries.wait_p95, "hold_seconds": profile.queries.hold_seconds}
    computed = {
        name: profile.query(template, selector, window=profile.recent)
        for name, template in templates.items()
        if template is not None
    }
    rates = traffic.questions_now(profile, selector) | usual.rate_questions(profile, selector)
    witness = profile.witness(selector, lookback)
    others = usual.hold_questions(profile, selector) | usual.error_questions(profile, selector)
    return scraped | witness | computed | rates | others


def assemble(scene: Scene, is_firing: Callable[[], Known[bool]]) -> MetricsReading:
    """Every configured instance is a key; what could not be read says why."""
    asked, target = scene.asked, scene.look.target
    names = [instance.name for instance in target.instances]
    fresh = scene.look.policy.thresholds.fresh_for.total_seconds()
    return MetricsReading(
        instances={name: read(partial(_instance, scene, name)) for name in names},
        request_rate=read(lambda: traffic.read_now(scene.profile, asked, scene.now)),
        usual_rate=usual.read_rate(asked, target, scene.now),
        hold_seconds=read(lambda: _hold(scene)),
        usual_hold=usual.read_hold(asked, target, scene.now),
        errors_5xx=server_errors.read_now(
            scene.profile, asked, names, scene.now - scene.look.policy.thresholds.fresh_for
        ),
        usual_errors_5xx=server_errors.read_usual(scene.profile, asked, scene.now),
        alert_firing=read(is_firing),
        unexpected=unexpected(asked["active"], scene.profile, target, scene.now.timestamp() - fresh),
    )


def _instance(scene: Scene, name: str) -> Known[InstanceMetrics]:
    if not answered(scene.asked["active"]):
        series = scene.profile.selectors(scene.look.target.selector)["active"]
        raise Missing(f"Prometheus has no series of the pool for {series}; is `selector` right?")
    scraped = Scraped(name, scene.profile, scene.asked)
    pool = scraped.pool()
    start = scraped.recent_start()
    threshold = scene.look.policy.thresholds.exhausted
    metrics = InstanceMetrics(
        pool=pool.value,
        wait_p95=read(lambda: _wait(scene, name, pool.at)),
        timeouts=read(lambda: scraped.risen("timeouts", start)),
        errors_503=read(lambda: scraped.risen("errors_503", start)),
        leaked=read(lambda: scraped.risen("leaked", start)),
        full_seconds=Known(value=unbroken_seconds(scraped.utilization(), threshold), at=pool.at),
        started_at=read(scraped.started_at),
        least_active=read(lambda: scraped.fewest(_held_since(scene))),
        scrape_seconds=usual_pause(scraped.scrapes),
    )
    return Known(value=metrics, at=pool.at)


def _held_since(scene: Scene) -> float:
    """Half the leak age ago: the other half is for reads that take their time, and clocks that disagree."""
    return (scene.now - scene.look.policy.thresholds.leak_age / 2).timestamp()


def _wait(scene: Scene, instance: str, at: datetime) -> Known[float]:
    if "wait_p95" not in scene.asked:
        raise Missing(scene.profile.lacks("queries.wait_p95"))
    label = scene.profile.instance_label
    ours = tuple(
        series for series in answered(scene.asked["wait_p95"]) if series.labels.get(label) == instance
    )
    return Known(value=number(ours, f"the time to get a connection at {instance}"), at=at)


def _hold(scene: Scene) -> Known[float]:
    """Of the connections that came back: what is never returned is in no histogram."""
    if "hold_seconds" not in scene.asked:
        raise Missing(scene.profile.lacks("queries.hold_seconds"))
    value = number(scene.asked["hold_seconds"], "the time connections are held")
    scrapes = [series.samples[-1].at for series in answered(scene.asked["active"]) if series.samples]
    if not scrapes:
        raise Missing("Prometheus has not scraped the target in that time")
    return Known(value=value, at=moment(max(scrapes)))
