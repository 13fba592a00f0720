"""One person's link at the webhook's door: what is no link of ours is refused, and no incident hears of it.

What incidents themselves say to it: tests/workflow/test_approval_by_link.py.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from activities.ballot import AFTERGLOW, PATH, Ballot, Ballots
from tests.e2e.webhook_stand import KEY, OLD_KEY, PUBLIC, Stand, alert, path_of
from worker.body import ANSWER

YES = {"answer": "approve"}


async def ballot_of(webhook: Stand, **changes: Any) -> Ballot:
    """Of a request that the open incident could have asked."""
    await webhook.post(alert(webhook.shop))
    run = (await webhook.client.get_workflow_handle(f"pool/{webhook.shop}").describe()).run_id
    until = datetime.now(UTC) + timedelta(minutes=10)
    fields = {"target": webhook.shop, "run": run, "request": "r1", "by": "ada", "digest": "d" * 32}
    return Ballot.model_validate({**fields, "until": until, **changes})


def path(ballot: Ballot, key: str = KEY) -> str:
    return Ballots((key,), PUBLIC).link(ballot).removeprefix(PUBLIC)


async def tried(webhook: Stand, where: str) -> list[httpx.Response]:
    """Opened, and pressed."""
    return [await webhook.http.get(where), await webhook.http.post(where, data=YES)]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs here, and nobody waits for one."""
    monkeypatch.setattr("worker.incidents.ANSWERED", timedelta(seconds=1))


@pytest.mark.parametrize("place", [10, 60, -3])
async def test_an_altered_link_is_refused_and_counted(webhook: Stand, place: int) -> None:
    where = path(await ballot_of(webhook))
    signs = list(where)
    start = len(PATH) + 1 if place > 0 else 0
    signs[start + place] = "A" if signs[start + place] != "A" else "B"
    for answer in await tried(webhook, "".join(signs)):
        assert (answer.status_code, "Nothing was done." in answer.text) == (403, True)
        assert "<form" not in answer.text
    assert webhook.refused("links") == 2


async def test_a_link_of_a_stranger_is_refused(webhook: Stand) -> None:
    for answer in await tried(webhook, path(await ballot_of(webhook), "another-key-0123456789")):
        assert answer.status_code == 403
    assert webhook.refused("links") == 2


async def test_a_link_to_acknowledge_answers_nothing(webhook: Stand) -> None:
    await webhook.post(alert(webhook.shop))
    token = (await path_of(webhook)).rpartition("/")[2]
    for answer in await tried(webhook, f"{PATH}/{token}"):
        assert answer.status_code == 403
    assert await webhook.signals(webhook.shop) == ["alert"]


async def test_a_link_long_expired_is_refused_without_asking_anybody(webhook: Stand) -> None:
    long_ago = datetime.now(UTC) - AFTERGLOW - timedelta(minutes=1)
    for answer in await tried(webhook, path(await ballot_of(webhook, until=long_ago))):
        assert (answer.status_code, "too old: it was good until" in answer.text) == (403, True)
    assert webhook.refused("links") == 2


async def test_a_link_of_an_earlier_incident_reaches_no_later_one(webhook: Stand) -> None:
    where = path(await ballot_of(webhook))
    await webhook.client.get_workflow_handle(f"pool/{webhook.shop}").terminate("over")
    await webhook.post(alert(webhook.shop))
    answer = await webhook.http.post(where, data=YES)
    assert (answer.status_code, "This incident is over" in answer.text) == (410, True)
    assert await webhook.signals(webhook.shop) == ["alert"]


@pytest.mark.usefixtures("impatient")
async def test_without_a_worker_it_says_that_it_does_not_know(webhook: Stand) -> None:
    ballot = await ballot_of(webhook)
    for key in (KEY, OLD_KEY):
        shown, pressed = await tried(webhook, path(ballot, key))
        assert (shown.status_code, "It cannot be shown now" in shown.text) == (503, True)
        assert (pressed.status_code, "not known whether your answer was taken" in pressed.text) == (503, True)
        assert "worker" not in shown.text + pressed.text
    assert webhook.refused("links") == 0


async def test_a_form_that_is_too_large_is_told_so(webhook: Stand) -> None:
    where = path(await ballot_of(webhook))
    answer = await webhook.http.post(where, data={**YES, "reason": "x" * ANSWER.largest})
    assert (answer.status_code, "a reason of 300 characters" in answer.text) == (413, True)
    assert "Alertmanager" not in answer.text


async def test_the_longest_reason_in_any_script_is_not_too_large(webhook: Stand) -> None:
    where = path(await ballot_of(webhook))
    answer = await webhook.http.post(
        where, data={"answer": "maybe", "reason": "\N{OLD PERSIAN SIGN A}" * 300}
    )
    assert answer.status_code == 422


async def test_a_form_of_another_kind_is_no_answer(webhook: Stand) -> None:
    answer = await webhook.http.post(path(await ballot_of(webhook)), content=b"&".join([b"a=1"] * 50))
    assert (answer.status_code, "neither yes nor no" in answer.text) == (422, True)
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
