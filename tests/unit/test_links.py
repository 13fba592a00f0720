"""Addresses people are given with an incident."""

from worker.config import Links
from worker.intake import fill_links


def test_people_get_the_address_of_the_dashboard() -> None:
    links = Links(dashboard="http://grafana/d/pools?var-target={target}&ns={namespace}")
    values = {"target": "shop&x=1", "namespace": "a b", "workflow_id": "pool/shop"}
    assert fill_links(links, values) == {
        "dashboard": "http://grafana/d/pools?var-target=shop%26x%3D1&ns=a%20b"
    }


def test_people_get_the_address_of_the_runbook() -> None:
    links = Links(runbook="http://wiki/poolmedic/runbook#{target}")
    assert fill_links(links, {"target": "shop&x"}) == {"runbook": "http://wiki/poolmedic/runbook#shop%26x"}


def test_what_is_not_configured_is_no_link() -> None:
    assert fill_links(Links(), {"target": "shop"}) == {}
