"""The series of a profile: sums, labels that are called otherwise, counters that are always there."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from activities.exposition import Exposition
from activities.missing import Missing
from activities.profiles.profile import WITNESS, Profile
from activities.prometheus_api import Series
from activities.scraped import Scraped
from activities.series import Sample

SUM: dict[str, Any] = {
    "instance_label": "instance",
    "series": {
        "active": "busy",
        "idle": ["spare", "resting"],
        "size": {"name": "most", "target_labels": {"database": "name", "user": None}},
        "timeouts": {"name": "failed_total", "always": True},
    },
    "pages": {"health": {"path": "/health"}, "probe": {"path": "/probe"}},
}
PROFILE = Profile.model_validate(SUM).named("mine")


def series(name: str, *values: float, start: float = 1, **labels: str) -> Series:
    samples = [Sample(start + number, value) for number, value in enumerate(values)]
    return Series({"__name__": name, "instance": "one"} | labels, samples)


def scraped(**found: tuple[Series, ...]) -> Scraped:
    asked = {"active": (series("busy", 2, 3),), "size": (series("most", 9, 9),)} | found
    return Scraped("one", PROFILE, asked)


def test_a_target_label_is_asked_for_under_the_name_the_series_has_for_it() -> None:
    selectors = PROFILE.selectors({"database": "shop", "job": "pool", "user": "app"})
    assert selectors["size"] == 'most{job="pool",name="shop"}'
    assert selectors["active"] == 'busy{database="shop",job="pool",user="app"}'
    assert selectors["idle"] == '{__name__=~"spare|resting",database="shop",job="pool",user="app"}'


def test_a_sum_is_of_the_same_scrape() -> None:
    idle = (series("spare", 1, 2), series("resting", 10, 20))
    pool = scraped(idle=idle).pool()
    assert pool.value.idle == 22


def test_a_sum_that_lacks_a_part_is_unavailable_and_not_the_rest() -> None:
    with pytest.raises(Missing, match=r"spare \+ resting was not in the last scrape"):
        scraped(idle=(series("spare", 1, 2),)).pool()
    with pytest.raises(Missing, match=r"spare \+ resting was not in the last scrape"):
        scraped(idle=(series("spare", 1, 2), series("resting", 10))).pool()


def test_two_pools_are_not_a_sum() -> None:
    doubled = (series("spare", 1, 2, pool="a"), series("spare", 1, 2, pool="b"), series("resting", 1, 1))
    with pytest.raises(Missing, match="several series"):
        scraped(idle=doubled).pool()


def test_a_counter_that_is_always_there_is_unavailable_where_it_is_not() -> None:
    with pytest.raises(Missing, match="failed_total was not in the last scrape of one"):
        scraped(timeouts=()).risen("timeouts", 0)
    with pytest.raises(Missing, match="failed_total was not in the last scrape of one"):
        scraped(timeouts=(series("failed_total", 1),)).risen("timeouts", 0)
    assert scraped(timeouts=(series("failed_total", 1, 4),)).risen("timeouts", 0).value == 3


def test_what_a_profile_leaves_out_is_told_by_profile_and_key() -> None:
    with pytest.raises(Missing, match=r"the metric profile mine has no `series\.errors_503`"):
        scraped().risen("errors_503", 0)


def test_the_own_page_is_added_up_too() -> None:
    page = Exposition(b"spare 1\nresting 5\nbusy 2\n", PROFILE)
    assert page.gauge("idle") == 6
    with pytest.raises(Missing, match="0 samples of resting"):
        Exposition(b"spare 1\n", PROFILE).gauge("idle")
    with pytest.raises(Missing, match=r"mine has no `series\.waiters`"):
        page.gauge("waiters")


@pytest.mark.parametrize(
    ("meaning", "given", "told"),
    [
        ("timeouts", ["a", "b"], "timeouts: only active, idle, size, waiters, in_flight can be a sum"),
        ("active", {"name": "a", "always": True}, "active: `always` is for timeouts, leaked, errors_503"),
        ("active", [], "at least 1 item"),
        ("active", {"labels": {}}, "Field required"),
        ("size", {"name": "a", "target_labels": {"a-b": "c"}}, "string_pattern_mismatch"),
        ("size", {"name": "a", "target_labels": {"a": "b-c"}}, "string_pattern_mismatch"),
    ],
)
def test_a_series_that_means_nothing_is_refused(meaning: str, given: object, told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Profile.model_validate(SUM | {"series": SUM["series"] | {meaning: given}})
    assert told in str(refused.value)


def test_a_template_cannot_name_a_sum() -> None:
    with pytest.raises(ValidationError, match=r"request_rate: \$idle is a sum, and PromQL takes one series"):
        Profile.model_validate(SUM | {"queries": {"request_rate": "rate($idle[$window])"}})


@pytest.mark.parametrize("meaning", ["errors_503", "errors_5xx"])
def test_no_503_is_known_only_where_requests_are_counted(meaning: str) -> None:
    counted = {"name": "http_total", "labels": {"status": "503"}}
    both = SUM["series"] | {"requests": "http_total", meaning: counted}
    profile = Profile.model_validate(SUM | {"series": both}).named("mine")
    asked = {"active": (series("busy", 2, 3),), meaning: ()}
    assert set(profile.witness({}, timedelta(minutes=1))) == {WITNESS}
    assert PROFILE.witness({}, timedelta(minutes=1)) == {}
    with pytest.raises(Missing, match="http_total counts nothing of one, not even successes"):
        Scraped("one", profile, asked | {WITNESS: ()}).risen(meaning, 0)
    other = asked | {WITNESS: (series("any", 1, instance="two"),)}
    with pytest.raises(Missing, match="http_total counts nothing of one, not even successes"):
        Scraped("one", profile, other).risen(meaning, 0)
    seen = asked | {WITNESS: (series("any", 1),)}
    assert Scraped("one", profile, seen).risen(meaning, 0).value == 0


def test_errors_that_are_counted_apart_need_no_witness() -> None:
    counted = {"requests": "http_total", "errors_503": "http_total", "errors_5xx": "http_errors_total"}
    profile = Profile.model_validate(SUM | {"series": SUM["series"] | counted}).named("mine")
    asked = {"active": (series("busy", 2, 3),), "errors_5xx": (), WITNESS: ()}
    assert Scraped("one", profile, asked).risen("errors_5xx", 0).value == 0
