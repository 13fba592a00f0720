"""The link in a message: reading it changes nothing, its button says who has that very incident in hand."""

import re
import time

import pytest
from structlog.testing import capture_logs
from temporalio.client import Client

from activities.invitation import Invitation, Invitations
from deploy.local.temporal import Temporal
from tests.e2e.sealed_stand import client_with
from tests.e2e.webhook_stand import PUBLIC, Stand, alert, path_of, stand
from worker.body import FORM
from worker.payload_keys import PayloadKey
from worker.presses import MOST_PRESSES

HERE, THERE = PayloadKey("here", b"h" * 32), PayloadKey("there", b"t" * 32)


async def end(webhook: Stand) -> None:
    await webhook.client.get_workflow_handle(f"pool/{webhook.shop}").terminate("over")


async def test_to_read_it_changes_nothing_and_its_button_acknowledges(webhook: Stand) -> None:
    await webhook.post(alert(webhook.shop))
    path = await path_of(webhook)
    for _ in range(2):
        page = await webhook.http.get(path)
        assert page.status_code == 200
        assert f"{webhook.shop}: connection pool exhausted" in page.text
    assert await webhook.signals(webhook.shop) == ["alert"]

    taken = await webhook.http.post(path, data={"by": "anna"})

    assert (taken.status_code, "was told that anna has it in hand" in taken.text) == (200, True)
    assert "<form" not in taken.text
    assert await webhook.signals(webhook.shop) == ["alert", "acknowledge"]


@pytest.mark.parametrize("given", [{}, {"by": ""}, {"by": "  "}, {"by": "poolmedic"}, {"by": "\u200b"}])
async def test_without_a_persons_name_nothing_is_done(webhook: Stand, given: dict[str, str]) -> None:
    await webhook.post(alert(webhook.shop))
    answer = await webhook.http.post(await path_of(webhook), data=given)
    assert (answer.status_code, "a name is needed" in answer.text) == (422, True)
    assert "<form" in answer.text
    assert await webhook.signals(webhook.shop) == ["alert"]


async def test_a_name_stays_a_text(webhook: Stand) -> None:
    await webhook.post(alert(webhook.shop))
    answer = await webhook.http.post(await path_of(webhook), data={"by": "<b>anna</b><script>x()</script>"})
    assert answer.status_code == 200
    assert re.search(r"<b>|<script", answer.text) is None
    assert "form-action 'self'" in answer.headers["content-security-policy"]


async def test_an_altered_link_is_refused_and_counted(webhook: Stand) -> None:
    await webhook.post(alert(webhook.shop))
    path = await path_of(webhook)
    for answer in (
        await webhook.http.get(path[:-3]),
        await webhook.http.post(path[:-3], data={"by": "anna"}),
    ):
        assert (answer.status_code, "Nothing was done." in answer.text) == (403, True)
        assert "poolmedic acknowledge TARGET" in answer.text
    assert webhook.refused("links") == 2
    assert await webhook.signals(webhook.shop) == ["alert"]


async def test_a_link_is_for_one_incident_alone(webhook: Stand) -> None:
    await webhook.post(alert(webhook.shop))
    path = await path_of(webhook)
    await end(webhook)
    assert (await webhook.http.post(path, data={"by": "anna"})).status_code == 410

    await webhook.post(alert(webhook.shop))
    answer = await webhook.http.post(path, data={"by": "anna"})

    assert (answer.status_code, "This incident is over" in answer.text) == (410, True)
    assert await webhook.signals(webhook.shop) == ["alert"]
    assert (await webhook.http.post(await path_of(webhook), data={"by": "anna"})).status_code == 200


async def test_a_link_of_another_target_reaches_that_one(webhook: Stand) -> None:
    await webhook.post(alert(webhook.shop), alert(webhook.mail))
    assert (await webhook.http.post(await path_of(webhook), data={"by": "anna"})).status_code == 200
    assert await webhook.signals(webhook.mail) == ["alert"]


async def test_a_link_of_a_stranger_is_refused(webhook: Stand) -> None:
    await webhook.post(alert(webhook.shop))
    run = (await webhook.client.get_workflow_handle(f"pool/{webhook.shop}").describe()).run_id
    stranger = Invitations(("another-key-0123456789",), PUBLIC)
    forged = stranger.link(Invitation(target=webhook.shop, run=run))
    answer = await webhook.http.post(forged.removeprefix(PUBLIC), data={"by": "anna"})
    assert answer.status_code == 403
    assert await webhook.signals(webhook.shop) == ["alert"]


async def test_one_link_cannot_fill_the_history(webhook: Stand) -> None:
    await webhook.post(alert(webhook.shop))
    path = await path_of(webhook)
    answers = [await webhook.http.post(path, data={"by": "anna"}) for _ in range(MOST_PRESSES + 2)]
    assert [answer.status_code for answer in answers] == [200] * MOST_PRESSES + [429] * 2
    assert "poolmedic acknowledge" in answers[-1].text
    assert len(await webhook.signals(webhook.shop)) == 1 + MOST_PRESSES


async def test_a_link_that_was_used_up_uses_up_no_later_page_s(
    webhook: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    await webhook.post(alert(webhook.shop))
    with monkeypatch.context() as earlier:
        an_hour_ago = time.time() - 3600
        earlier.setattr("itsdangerous.timed.time.time", lambda: an_hour_ago)
        old = await path_of(webhook)
    pressed = [await webhook.http.post(old, data={"by": "anna"}) for _ in range(MOST_PRESSES + 1)]
    assert pressed[-1].status_code == 429
    new = await path_of(webhook)
    assert (await webhook.http.post(new, data={"by": "bea"})).status_code == 200
    assert (await webhook.http.post(old, data={"by": "anna"})).status_code == 429


async def test_a_form_of_another_kind_is_no_name(webhook: Stand) -> None:
    await webhook.post(alert(webhook.shop))
    answer = await webhook.http.post(await path_of(webhook), content=b"&".join([b"a=1"] * 50))
    assert (answer.status_code, "a name is needed" in answer.text) == (422, True)


async def test_a_form_that_is_too_large_is_told_so_and_not_how_to_set_alertmanager(webhook: Stand) -> None:
    await webhook.post(alert(webhook.shop))
    answer = await webhook.http.post(await path_of(webhook), data={"by": "x" * FORM.largest})
    assert (answer.status_code, "Nothing was done: the body is larger" in answer.text) == (413, True)
    assert "Alertmanager" not in answer.text
    assert "<form" in answer.text
    assert await webhook.signals(webhook.shop) == ["alert"]


@pytest.mark.parametrize("keys", [(HERE,), (HERE, THERE)], ids=["without its key", "with its key"])
async def test_a_run_is_spoken_to_with_its_own_key_or_not_at_all(
    client: Client, temporal_server: Temporal, keys: tuple[PayloadKey, ...]
) -> None:
    other = await client_with(temporal_server, THERE)
    async with stand(await client_with(temporal_server, *keys)) as webhook:
        run = await other.start_workflow(
            "Incident", {}, id=f"pool/{webhook.shop}", task_queue="nobody-polls-this"
        )
        with capture_logs() as written:
            answer = await webhook.http.post(await path_of(webhook), data={"by": "anna"})
        if THERE in keys:
            assert (answer.status_code, await webhook.signals(webhook.shop)) == (200, ["acknowledge"])
            last = [event async for event in run.fetch_history_events()][-1]
            (told,) = last.workflow_execution_signaled_event_attributes.input.payloads
            assert await other.data_converter.decode([told]) == [{"by": "anna"}]
        else:
            assert (answer.status_code, await webhook.signals(webhook.shop)) == (503, [])
            assert "POOLMEDIC_PAYLOAD_KEYS" not in answer.text
            assert any("POOLMEDIC_PAYLOAD_KEYS does not hold" in line.get("reason", "") for line in written)
        await run.terminate("the test is over")
