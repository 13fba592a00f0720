"""Everything that can come to `POST /alerts`, before a real Temporal server."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from deploy.local.temporal import Temporal
from tests.e2e.webhook_stand import (
    OLD_TOKEN,
    QUEUE,
    READ_TOKEN,
    TOKEN,
    Stand,
    alert,
    bearer,
    flood,
    payload,
    stand,
)
from worker.namespace import set_up
from worker.sdk_metrics import free_port
from workflows import attributes
from workflows.models.alert import Alert, Case


@pytest.fixture(scope="module")
async def client(temporal_server: Temporal) -> Client:
    client = await Client.connect(temporal_server.address, data_converter=pydantic_data_converter)
    await set_up(client)
    return client


@pytest.fixture
async def webhook(client: Client) -> AsyncIterator[Stand]:
    async with stand(client) as running:
        yield running


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
    assert case.policy == webhook.configuration.policies["default"]
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


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {READ_TOKEN}"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer \xff\xfe"},
    ],
)
async def test_without_a_valid_token_nothing_starts(webhook: Stand, headers: dict[str, str]) -> None:
    raw = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    answer = await webhook.http.post("/alerts", json=payload(alert(webhook.shop)), headers=raw)
    assert answer.status_code == 401
    assert "Bearer" in answer.headers["www-authenticate"]
    assert webhook.refused("alerts") == 1
    assert await webhook.signals(webhook.shop) == []


async def test_every_token_of_a_rotation_is_valid(webhook: Stand) -> None:
    assert (await webhook.post(alert(webhook.shop), token=OLD_TOKEN)).status_code == 200
    assert (await webhook.post(alert(webhook.shop), token=TOKEN)).status_code == 200


def _without(key: str, job: str) -> dict[str, Any]:
    one = alert(job)
    del one[key]
    return one


@pytest.mark.parametrize(
    ("spoilt", "path"),
    [
        ({"startsAt": "yesterday"}, "alerts[1].startsAt"),
        ({"startsAt": "2026-05-04T03:02:01"}, "alerts[1].startsAt"),
        ({"status": "burning"}, "alerts[1].status"),
        ({"labels": ["job"]}, "alerts[1].labels"),
        ({"labels": {"job": 5}}, "alerts[1].labels.job"),
        ({"fingerprint": "a/../b"}, "alerts[1].fingerprint"),
        ({"fingerprint": "f" * 129}, "alerts[1].fingerprint"),
        ({"annotations": None}, "alerts[1].annotations"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_starts(
    webhook: Stand, spoilt: dict[str, Any], path: str
) -> None:
    answer = await webhook.post(alert(webhook.mail), alert(webhook.shop, **spoilt))
    assert answer.status_code == 422
    assert [fault["path"] for fault in answer.json()["faults"]] == [path]
    assert await webhook.signals(webhook.mail) == []
    assert webhook.count("malformed") == 1


@pytest.mark.parametrize("key", ["status", "labels", "startsAt", "fingerprint"])
async def test_a_missing_field_is_named(webhook: Stand, key: str) -> None:
    answer = await webhook.post(_without(key, webhook.shop))
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["path"] == f"alerts[0].{key}"


@pytest.mark.parametrize("version", ["3", 4, None])
async def test_another_version_of_the_payload_is_refused(webhook: Stand, version: Any) -> None:
    body = payload(alert(webhook.shop)) | {"version": version}
    answer = await webhook.http.post("/alerts", json=body, headers=bearer(TOKEN))
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["path"] == "version"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"a": "\\ud800"}', b"[" * 100_000, b"null x"])
async def test_what_is_not_json_is_refused(webhook: Stand, body: bytes) -> None:
    answer = await webhook.http.post("/alerts", content=body, headers=bearer(TOKEN))
    assert answer.status_code == 400
    assert answer.json()["faults"][0]["path"] == "body"
    assert webhook.count("malformed") == 1


async def test_a_body_over_the_limit_is_refused_before_it_is_all_there(webhook: Stand) -> None:
    big = payload(alert(webhook.shop, annotations={"summary": "x" * (1024 * 1024)}))
    answer = await webhook.http.post("/alerts", json=big, headers=bearer(TOKEN))
    assert answer.status_code == 413
    first_line, sent = await flood(webhook.http, 16 * 1024 * 1024)
    assert b" 413 " in first_line
    assert sent < 2 * 1024 * 1024
    assert webhook.count("oversized") == 2
    assert await webhook.signals(webhook.shop) == []


async def test_a_body_just_under_the_limit_is_taken(webhook: Stand) -> None:
    room = 1024 * 1024 - len(json.dumps(payload(alert(webhook.shop, annotations={"summary": ""}))))
    answer = await webhook.post(alert(webhook.shop, annotations={"summary": "x" * (room - 10)}))
    assert answer.status_code == 200


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


async def test_with_temporal_frozen_the_answer_is_503_within_three_seconds(
    webhook: Stand, temporal_server: Temporal
) -> None:
    os.killpg(temporal_server.process.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        answer = await webhook.post(alert(webhook.shop))
        assert time.monotonic() - started < 3
        assert (await webhook.http.get("/readyz")).status_code == 503
    finally:
        os.killpg(temporal_server.process.pid, signal.SIGCONT)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert webhook.count("unavailable") == 1
    assert (await webhook.post(alert(webhook.shop))).status_code == 200


async def test_without_temporal_the_answer_is_503_until_it_is_there() -> None:
    nowhere = await Client.connect(
        f"127.0.0.1:{free_port()}", data_converter=pydantic_data_converter, lazy=True
    )
    async with stand(nowhere) as webhook:
        started = time.monotonic()
        answer = await webhook.post(alert(webhook.shop), alert(webhook.mail))
        assert time.monotonic() - started < 3
        assert answer.status_code == 503
        assert "TEMPORAL_ADDRESS" in answer.json()["detail"]
        assert (await webhook.http.get("/readyz")).json() == {"temporal": False, "worker": False}
        assert (await webhook.http.get("/healthz")).status_code == 200


async def test_health_needs_no_token_and_reading_does(webhook: Stand) -> None:
    assert (await webhook.http.get("/healthz")).json() == {"status": "ok"}
    ready = await webhook.http.get("/readyz")
    assert ready.status_code == 503
    assert ready.json() == {"temporal": True, "worker": False}
    for page in ("/metrics", "/openapi.json", "/docs"):
        assert (await webhook.http.get(page)).status_code == 401
        assert (await webhook.http.get(page, headers=bearer(READ_TOKEN))).status_code == 200
        assert (await webhook.http.get(page, auth=("anybody", READ_TOKEN))).status_code == 200


async def test_the_description_says_what_needs_a_token(webhook: Stand) -> None:
    described = (await webhook.http.get("/openapi.json", headers=bearer(READ_TOKEN))).json()
    open_pages = [
        path
        for path, methods in described["paths"].items()
        if not all("security" in operation for operation in methods.values())
    ]
    assert open_pages == ["/healthz", "/readyz"]


async def test_an_answer_does_not_wait_for_the_next_packet(webhook: Stand) -> None:
    """Without TCP_NODELAY every answer after the first takes 40 ms more."""
    took = []
    for _ in range(20):
        started = time.monotonic()
        await webhook.http.get("/healthz")
        took.append(time.monotonic() - started)
    assert sorted(took)[10] < 0.03


async def test_metrics_tell_what_was_counted(webhook: Stand) -> None:
    await webhook.post(alert(webhook.shop), token="wrong-token-0123456789")
    page = (await webhook.http.get("/metrics", headers=bearer(READ_TOKEN))).text
    assert 'poolmedic_unauthorized_total{page="alerts"} 1.0' in page
    assert TOKEN not in page


async def test_every_answer_has_safe_headers_and_no_inside(webhook: Stand) -> None:
    for answer in (
        await webhook.http.get("/nothing"),
        await webhook.http.get("/healthz"),
        await webhook.post(alert("stranger")),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers
        assert "Traceback" not in answer.text


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
