"""Which alert belongs to whom, and what is kept of it."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.configurations import another, raw, read
from worker.delivery import Delivery
from worker.routing import LONGEST_SHOWN, MOST_ASKED, MOST_OF_ONE, Routed, route
from workflows.models.alert import AlertStatus
from workflows.models.text import LONGEST_KEY, LONGEST_VALUE, MOST_LABELS

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
NAME = "DatabaseConnectionPoolExhausted"
CONFIGURATION = read(raw())


def deliver(*alerts: dict[str, Any], **matchers: dict[str, str]) -> Routed:
    targets = [another(name) | {"matchers": labels} for name, labels in matchers.items()]
    configuration = read(raw() | {"targets": targets}) if targets else CONFIGURATION
    posted = {"version": "4", "alerts": [{**_ALERT, **one} for one in alerts]}
    return route(Delivery.model_validate(posted), configuration, NOW)


_ALERT = {"status": "firing", "labels": {}, "startsAt": NOW, "fingerprint": "f"}


def labels(**more: str) -> dict[str, dict[str, str]]:
    return {"labels": {"alertname": NAME, **more}}


def test_all_matchers_must_fit() -> None:
    routed = deliver(labels(job="a"), labels(job="a", zone="x"), both={"job": "a", "zone": "x"})
    assert [one.target.name for one in routed.assignments] == ["both"]
    assert routed.unmatched[0].path == "alerts[0].labels"
    assert routed.unmatched[0].reason.endswith("asked for: both: job=a, zone=x")


def test_an_alert_of_two_targets_is_lost_for_neither() -> None:
    routed = deliver(labels(job="a", zone="x"), one={"job": "a"}, two={"zone": "x"})
    assert sorted(one.target.name for one in routed.assignments) == ["one", "two"]


def test_firing_alerts_come_before_resolved_ones() -> None:
    routed = deliver(labels(job="shop") | {"status": "resolved"}, labels(job="shop"))
    assert [one.alert.status for one in routed.assignments] == [AlertStatus.FIRING, AlertStatus.RESOLVED]


def test_another_instance_of_the_alert_is_another_delivery() -> None:
    routed = deliver(labels(job="shop"), labels(job="shop") | {"fingerprint": "g"}, labels(job="shop"))
    assert len(routed.assignments) == 2


def test_of_too_many_alerts_of_one_target_the_oldest_and_the_newest_are_taken_and_the_others_are_told() -> (
    None
):
    def many(number: int, job: str, status: str, first: int) -> list[dict[str, Any]]:
        return [
            labels(job=job)
            | {
                "status": status,
                "fingerprint": f"{job}{each}",
                "startsAt": NOW - timedelta(hours=1) + timedelta(seconds=each),
            }
            for each in range(first, first + number)
        ]

    delivered = many(MOST_OF_ONE + 7, "a", "firing", 0) + many(MOST_OF_ONE + 2, "a", "resolved", 1000)
    routed = deliver(*delivered, *many(1, "b", "firing", 0), shop={"job": "a"}, mail={"job": "b"})
    assert routed.left_out == (("shop", 7 + 2),)
    told = Counter((one.target.name, str(one.alert.status)) for one in routed.assignments)
    assert told == {("shop", "firing"): MOST_OF_ONE, ("shop", "resolved"): MOST_OF_ONE, ("mail", "firing"): 1}
    firing = [one.alert for one in routed.assignments if one.target.name == "shop"][:MOST_OF_ONE]
    seconds = [(alert.starts_at - NOW + timedelta(hours=1)).total_seconds() for alert in firing]
    assert seconds == [0, *range(8, MOST_OF_ONE + 7)]
    statuses = [one.alert.status for one in routed.assignments]
    assert statuses == sorted(statuses)


def test_the_oldest_alert_whose_start_can_be_opens_the_incident() -> None:
    ages = {"new": 1, "old": 40, "middle": 20, "zero": 60 * 24 * 365, "ahead": -5}
    every = [
        labels(job="shop") | {"fingerprint": name, "startsAt": NOW - timedelta(minutes=minutes)}
        for name, minutes in ages.items()
    ]
    order = [one.alert.fingerprint for one in deliver(*every).assignments]
    assert order == ["old", "middle", "new", "zero", "ahead"]


def test_as_many_as_may_come_are_all_taken() -> None:
    every = [labels(job="shop") | {"fingerprint": f"{each}"} for each in range(MOST_OF_ONE)]
    routed = deliver(*every)
    assert (len(routed.assignments), routed.left_out) == (MOST_OF_ONE, ())


def test_what_many_targets_ask_for_stays_a_sentence() -> None:
    many = {f"t{number}": {"job": f"j{number}"} for number in range(MOST_ASKED + 2)}
    reason = deliver(labels(job="stranger"), **many).unmatched[0].reason
    assert reason.endswith(" and 2 more targets")
    assert reason.count("job=") == MOST_ASKED


def test_an_alert_without_a_name_is_told() -> None:
    assert "opens an incident" in deliver({"labels": {"job": "shop"}}).unmatched[0].reason


@given(st.dictionaries(st.text(max_size=300), st.text(max_size=3000), max_size=200))
def test_what_is_kept_is_bounded(untrusted: dict[str, str]) -> None:
    ours = untrusted | {"alertname": NAME, "job": "shop"}
    (assignment,) = deliver({"labels": ours, "annotations": untrusted}).assignments
    for kept in (assignment.alert.labels, assignment.alert.annotations):
        assert len(kept) <= MOST_LABELS
        assert all(len(name) <= LONGEST_KEY and len(value) <= LONGEST_VALUE for name, value in kept.items())


@given(st.dictionaries(st.text(max_size=300), st.text(max_size=3000), max_size=50))
def test_only_labels_that_were_asked_for_are_told_back(untrusted: dict[str, str]) -> None:
    (told,) = deliver({"labels": untrusted | {"alertname": NAME, "job": "stranger" * 100}}).unmatched
    assert set(told.labels) == {"job"}
    assert len(told.labels["job"]) == LONGEST_SHOWN
