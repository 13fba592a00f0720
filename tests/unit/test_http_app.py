"""The HTTP application: what a failure of our own tells whoever asked."""

import httpx

from worker.http_app import HEADERS, new_app


async def test_a_failure_tells_nothing_of_the_inside_and_has_safe_headers() -> None:
    async def fail() -> None:
        raise RuntimeError("postgresql://poolmedic:hunter2secret@db/shop refused it")

    app = new_app()
    app.add_api_route("/fails", fail)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
        answer = await http.get("/fails")
    assert answer.status_code == 500
    assert answer.json() == {"detail": "the request failed; the log says why"}
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
