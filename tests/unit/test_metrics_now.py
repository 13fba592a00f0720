"""What is said of an instance that Prometheus has no figures of."""

from datetime import timedelta

from activities import metrics_now
from activities.profiles.library import load_profiles
from activities.prometheus_api import Series
from activities.series import Sample
from tests.unit import scenes
from workflows.models.evidence import MetricsReading
from workflows.models.reading import Known, Unavailable
from workflows.ports.requests import Look

PROFILE = load_profiles()["covetpy"]


def read(*pools: Series) -> MetricsReading:
    look = Look(target=scenes.target(), policy=scenes.policy(), alert_name="DatabaseConnectionPoolExhausted")
    asked = metrics_now.questions(PROFILE, look.target.selector, timedelta(minutes=10))
    answers = dict.fromkeys(asked, ()) | {"active": pools}
    scene = metrics_now.Scene(PROFILE, look, scenes.NOW, answers)
    return metrics_now.assemble(scene, lambda: Known(value=True, at=scenes.NOW))


def test_a_selector_without_any_series_is_doubted_by_name() -> None:
    instance = read().instances["web-1"]
    assert isinstance(instance, Unavailable)
    assert 'no series of the pool for covet_db_connections_active{service="shop"}' in instance.reason
    assert "is `selector` right?" in instance.reason


def test_an_instance_that_is_missing_among_others_does_not_make_the_selector_doubtful() -> None:
    other = Series(labels={"instance": "web-9"}, samples=[Sample(scenes.NOW.timestamp(), 3.0)])
    instance = read(other).instances["web-1"]
    assert isinstance(instance, Unavailable)
    assert instance.reason == "Prometheus has not scraped the pool of web-1 in that time"
