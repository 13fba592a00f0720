"""What a page behind a link says when something fails, and how often the log tells of it."""

import pytest
from fastapi.responses import HTMLResponse
from prometheus_client import Counter
from structlog.testing import capture_logs

from activities.signed_link import LinkRefused
from worker.errors import TemporalUnavailable
from worker.link_page import LinkPage

INSIDE = "Temporal refused: workflow 1f2e of namespace default on temporal-0.internal"


def page() -> LinkPage:
    counter = Counter("refused", "Links that are none.", registry=None)
    return LinkPage("acknowledge.html", {"invitation": None, "name": "", "problem": ""}, counter, "page")


def test_every_link_that_is_none_is_counted_and_few_are_written_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forged = page()
    with capture_logs() as written:
        for _ in range(100):
            assert forged.refuse(LinkRefused("It is altered.")).status_code == 403
        monkeypatch.setattr("worker.seldom.SECONDS_BETWEEN_LINES", 0.0)
        forged.refuse(LinkRefused("It is altered."))
    assert forged._refused._value.get() == 101
    assert [(line["event"], line["others"]) for line in written] == [
        ("link refused", 0),
        ("link refused", 99),
    ]


def test_links_that_are_none_hide_no_failure() -> None:
    shown = page()
    with capture_logs() as written:
        shown.refuse(LinkRefused("It is altered."))
        _fail(shown)
    assert [line["event"] for line in written] == ["link refused", "link not served"]


def test_a_failure_is_for_the_log_and_not_for_the_page() -> None:
    with capture_logs() as written:
        answer = _fail(page())
    assert answer.status_code == 503
    text = bytes(answer.body).decode()
    assert "It was not taken. Try again." in text
    assert "temporal-0" not in text
    assert written[0]["reason"] == INSIDE


def _fail(shown: LinkPage) -> HTMLResponse:
    return shown.fail(TemporalUnavailable(INSIDE), "It was not taken. Try again.")
