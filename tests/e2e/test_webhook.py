"""What an alert that comes to `POST /alerts` starts, joins or leaves alone, by the server's histories."""

import asyncio
from datetime import UTC, datetime

from tests.e2e.webhook_stand import QUEUE, Stand, alert
from worker.routing import MOST_OF_ONE
from workflows import attributes
from workflows.models.alert import Alert, Case


async def test_a_firing_alert_starts_its_target_s_incident(webhook: Stand) -> None:
    answer = await webhook.post(alert(webhook.shop))
    assert answer.status_code == 200
    assert answer.json()["placed"] == [
        {"target": webhook.shop, "status": "firing", "workflow_id": f"pool/{webhook.shop}"}
    ]
    handle = webhook.client.get_workflow_handle(f"pool/{webhook.shop}")
    description = await handle.describe()
    assert description.workflow_type == "Incident"
    assert description.task_queue == QUEUE
    assert description.typed_search_attributes[attributes.TARGET] == webhook.shop
    assert description.typed_search_attributes[attributes.DATABASE] == "main"
    assert webhook.shop in (await description.static_summary() or "")
    assert await webhook.signals(webhook.shop) == ["alert"]


async def test_the_input_is_a_snapshot_that_decodes(webhook: Stand) -> None:
    await webhook.post(
        alert(webhook.shop, labels=_labels(webhook.shop, extra="x" * 5000, evil="a\x1b[2J\x00b"))
    )
    case = await _input(webhook, webhook.shop)
    assert case.target.name == webhook.shop
    assert case.policy == webhook.configuration.policy_of(webhook.configuration.targets[0])
    assert case.links == {
        "temporal": f"http://127.0.0.1:8233/namespaces/default/workflows/pool%2F{webhook.shop}"
    }
    assert case.alert.starts_at == datetime(2026, 5, 4, 3, 2, 1, 500_000, UTC)
    assert len(case.alert.labels["extra"]) == 1024
    assert case.alert.labels["extra"].endswith("…")


async def test_another_alert_joins_the_running_incident(webhook: Stand) -> None:
    first = alert(webhook.shop)
    await webhook.post(first)
    await webhook.post(first | {"fingerprint": "0000000000000002"})
    assert await webhook.signals(webhook.shop) == ["alert", "alert"]


async def test_the_same_payload_twenty_times_at_once_is_one_run(webhook: Stand) -> None:
    answers = await asyncio.gather(*(webhook.post(alert(webhook.shop)) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    # A second run would have taken some of them into a history of its own.
    assert await webhook.signals(webhook.shop) == ["alert"] * 20


async def test_an_alert_twice_in_one_payload_counts_once(webhook: Stand) -> None:
    await webhook.post(alert(webhook.shop), alert(webhook.shop))
    assert await webhook.signals(webhook.shop) == ["alert"]


async def test_alerts_of_no_target_are_told_and_the_others_start(webhook: Stand) -> None:
    stranger = alert("stranger")
    other = alert(webhook.mail, labels=_labels(webhook.mail) | {"alertname": "DiskFull"})
    answer = await webhook.post(stranger, alert(webhook.shop), other)
    assert answer.status_code == 422
    told = {one["path"]: one for one in answer.json()["unmatched"]}
    assert told["alerts[0].labels"]["labels"] == {"job": "stranger"}
    assert "DatabaseConnectionPoolExhausted" in told["alerts[2].labels"]["reason"]
    assert [one["target"] for one in answer.json()["placed"]] == [webhook.shop]
    assert await webhook.signals(webhook.shop) == ["alert"]
    assert await webhook.signals(webhook.mail) == []
    assert webhook.count("unmatched") == 1


async def test_resolved_never_opens_an_incident(webhook: Stand) -> None:
    answer = await webhook.post(alert(webhook.shop, status="resolved"), alert("stranger", status="resolved"))
    assert answer.status_code == 200
    assert answer.json()["placed"][0]["workflow_id"] is None
    assert answer.json()["ignored"] == 1
    assert await webhook.signals(webhook.shop) == []


async def test_resolved_reaches_the_running_incident_even_in_the_same_delivery(webhook: Stand) -> None:
    resolved = alert(webhook.shop, status="resolved", fingerprint="0000000000000002")
    answer = await webhook.post(resolved, alert(webhook.shop))
    assert [one["workflow_id"] for one in answer.json()["placed"]] == [f"pool/{webhook.shop}"] * 2
    assert await webhook.signals(webhook.shop) == ["alert", "alert"]


async def test_resolved_after_the_incident_closed_starts_nothing(webhook: Stand) -> None:
    await webhook.post(alert(webhook.shop))
    await webhook.client.get_workflow_handle(f"pool/{webhook.shop}").terminate("the test")
    answer = await webhook.post(alert(webhook.shop, status="resolved"))
    assert answer.status_code == 200
    assert answer.json()["placed"][0]["workflow_id"] is None


async def test_an_empty_delivery_is_taken(webhook: Stand) -> None:
    assert (await webhook.post()).status_code == 200


def _labels(job: str, **more: str) -> dict[str, str]:
    return {"alertname": "DatabaseConnectionPoolExhausted", "job": job, **more}


async def _input(webhook: Stand, target: str) -> Case:
    handle = webhook.client.get_workflow_handle(f"pool/{target}")
    async for event in handle.fetch_history_events():
        started = event.workflow_execution_started_event_attributes
        (case,) = await webhook.client.data_converter.decode(started.input.payloads, [Case])
        assert isinstance(case, Case)
        assert isinstance(case.alert, Alert)
        return case
    raise AssertionError("no event")


async def test_of_a_flood_of_one_target_an_incident_opens_and_what_is_left_out_is_counted(
    webhook: Stand,
) -> None:
    flood = [alert(webhook.shop, fingerprint=f"{number}") for number in range(MOST_OF_ONE + 30)]
    assert (await webhook.post(*flood, alert(webhook.mail))).status_code == 200
    assert await webhook.signals(webhook.shop) == ["alert"] * MOST_OF_ONE
    assert await webhook.signals(webhook.mail) == ["alert"]
    counted = webhook.meters.registry.get_sample_value("poolmedic_alerts_total", {"result": "left out"})
    assert counted == 30
