"""Which alert belongs to whom, and what is kept of it."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.configurations import another, raw, read
from worker.delivery import Delivery
from worker.routing import LONGEST_SHOWN, MOST_ASKED, Routed, route
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
