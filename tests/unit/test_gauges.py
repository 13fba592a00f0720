"""What Prometheus is told of an incident: of which service, and whether somebody has it in hand."""

from datetime import timedelta

import pytest

from tests.fakes import cases
from tests.unit.scenes import NOW
from workflows.gauges import is_in_hand, service_of
from workflows.models.alert import Case
from workflows.models.approval import PIPELINE
from workflows.record import Record


def case(**fields: dict[str, str]) -> Case:
    """An alert that says it were of another service; keywords replace fields of the target."""
    subject = cases.target().model_copy(update=fields)
    alert = cases.alert(subject, NOW)
    alert = alert.model_copy(update={"labels": {**alert.labels, "service": "claimed"}})
    return cases.case(subject, cases.policy(), alert)


@pytest.mark.parametrize(
    ("matchers", "selector", "service"),
    [
        ({"service": "shop"}, {"service": "shop-pool"}, "shop"),
        ({"alertname": "Full"}, {"service": "shop-pool"}, "shop-pool"),
        ({"team": "a"}, {"job": "shop"}, "claimed"),
    ],
)
def test_the_service_is_the_one_of_the_configuration(
    matchers: dict[str, str], selector: dict[str, str], service: str
) -> None:
    assert service_of(case(matchers=matchers, selector=selector)) == service


def test_it_is_in_hand_from_the_acknowledgement_until_it_has_recovered_and_in_a_recurrence_anew() -> None:
    record = Record(case(), NOW)
    later = [NOW + timedelta(minutes=number) for number in range(6)]
    assert not is_in_hand(record)
    record.acknowledge(PIPELINE, later[0])
    assert is_in_hand(record)
    record.settle(later[1])
    assert not is_in_hand(record)
    record.close(later[2])
    assert not is_in_hand(record)
    record.recur(later[3], "full again")
    assert not is_in_hand(record)
    record.acknowledge(PIPELINE, later[4])
    assert is_in_hand(record)
    record.lapse(later[5])
    assert not is_in_hand(record)
