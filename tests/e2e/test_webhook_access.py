"""Who may deliver and who may read, and what the webhook's pages and answers carry."""

import pytest

from tests.e2e.webhook_stand import OLD_TOKEN, READ_TOKEN, TOKEN, Stand, alert, bearer, payload


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
    assert open_pages == ["/healthz", "/readyz", "/acknowledge/{token}", "/approvals/{token}"]


async def test_a_browser_is_asked_for_the_token(webhook: Stand) -> None:
    answer = await webhook.http.get("/docs")
    assert answer.headers["www-authenticate"].startswith("Basic "), "Chromium reads the first way alone"


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
