"""What an incident keeps of its alerts, for silences: bounded, and in doubt where something is left out."""

from datetime import UTC, datetime

from activities.silences import labels_of
from tests.fakes import cases
from workflows.identities import Identities
from workflows.models.alert import Alert

SUBJECT = cases.target()
NOW = datetime(2026, 5, 4, tzinfo=UTC)


def alert(number: int, labels: dict[str, str] | None = None) -> Alert:
    given = {"alertname": cases.ALERT, "instance": f"web-{number}"} if labels is None else labels
    return cases.alert(SUBJECT, NOW, fingerprint=f"f{number}", labels=given)


def test_every_alert_is_kept_once_with_its_labels() -> None:
    identities = Identities(alert(1))
    for number in (2, 1, 2):
        identities.add(alert(number))
    assert [each.fingerprint for each in identities.known] == ["f1", "f2"]
    assert [each.labels["instance"] for each in identities.known] == ["web-1", "web-2"]


def test_of_too_many_alerts_one_without_labels_stands_for_the_rest() -> None:
    identities = Identities(alert(1))
    for number in range(2, 300):
        identities.add(alert(number))
    assert len(identities.known) == 101
    (rest,) = [each for each in identities.known if not each.labels]
    assert (rest.name, rest.fingerprint) == (cases.ALERT, "")
    assert labels_of(rest, SUBJECT.matchers).value("instance") is None


def test_labels_that_are_too_long_in_all_are_left_out() -> None:
    identities = Identities(alert(1))
    identities.add(alert(2, {f"label-{number}": "x" * 1024 for number in range(64)}))
    identities.add(alert(3, {f"label-{number}": "x" * 1024 for number in range(64)}))
    first, second, third = identities.known
    assert len(second.labels) == 64
    assert (third.fingerprint, third.labels) == ("f3", {})
    assert first.labels
