"""Payloads that are refused, each with the path of its fault, and those just good enough."""

import json
from typing import Any

import pytest

from tests.e2e.webhook_stand import TOKEN, Stand, alert, bearer, flood, payload
from worker.delivery import MOST_TRUNCATED


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


@pytest.mark.parametrize("number", [MOST_TRUNCATED + 1, 10**400, -1], ids=["large", "huge", "negative"])
async def test_a_number_of_alerts_left_out_that_is_none_is_named(webhook: Stand, number: int) -> None:
    body = payload(alert(webhook.shop)) | {"truncatedAlerts": number}
    answer = await webhook.http.post("/alerts", json=body, headers=bearer(TOKEN))
    assert answer.status_code == 422
    assert [fault["path"] for fault in answer.json()["faults"]] == ["truncatedAlerts"]
    assert webhook.count("malformed") == 1
    assert await webhook.signals(webhook.shop) == []


async def test_as_many_as_there_may_be_left_out_are_counted(webhook: Stand) -> None:
    body = payload(alert(webhook.shop)) | {"truncatedAlerts": MOST_TRUNCATED}
    assert (await webhook.http.post("/alerts", json=body, headers=bearer(TOKEN))).status_code == 200
    counted = webhook.meters.registry.get_sample_value("poolmedic_alerts_cut_off_total")
    assert counted == MOST_TRUNCATED


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
