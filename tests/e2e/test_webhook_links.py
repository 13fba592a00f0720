"""The link in a message: reading it changes nothing, its button says who has that very incident in hand."""

import re

import pytest
from pydantic import SecretStr
from temporalio.api.enums.v1 import EventType

from tests.e2e.webhook_stand import PUBLIC, Stand, alert
from worker.invitation import Invitation, Invitations
from workflows.models.alert import Case

LATER = "2026-05-05T03:02:01Z"


async def path_of(webhook: Stand) -> str:
    """Of the link that the open incident's pages hold, as the proxy before the webhook passes it on."""
    handle = webhook.client.get_workflow_handle(f"pool/{webhook.shop}")
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
            given = event.workflow_execution_started_event_attributes.input.payloads
            (case,) = await webhook.client.data_converter.decode(given, [Case])
            link: str = case.links["acknowledge"]
            assert link.startswith(PUBLIC)
            return link.removeprefix(PUBLIC)
    raise AssertionError("no incident was started")


async def end(webhook: Stand) -> None:
    await webhook.client.get_workflow_handle(f"pool/{webhook.shop}").terminate("over")


async def test_to_read_it_changes_nothing_and_its_button_acknowledges(webhook: Stand) -> None:
    await webhook.post(alert(webhook.shop))
    path = await path_of(webhook)
    for _ in range(2):
        page = await webhook.http.get(path)
        assert page.status_code == 200
        assert f"{webhook.shop}: connection pool exhausted" in page.text
        assert "2026-05-04 at 03:02:01 UTC" in page.text
    assert await webhook.signals(webhook.shop) == ["alert"]

    taken = await webhook.http.post(path, data={"by": "anna"})

    assert (taken.status_code, "anna has it in hand" in taken.text) == (200, True)
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

    await webhook.post(alert(webhook.shop, startsAt=LATER))
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
    stranger = Invitations((SecretStr("another-key-0123456789"),), PUBLIC)
    forged = stranger.link(
        Invitation.model_validate({"target": webhook.shop, "since": "2026-05-04T03:02:01.5Z"})
    )
    answer = await webhook.http.post(forged.removeprefix(PUBLIC), data={"by": "anna"})
    assert answer.status_code == 403
    assert await webhook.signals(webhook.shop) == ["alert"]
