"""One trace from the POST to the database, through Temporal and back."""

import signal
from pathlib import Path

from temporalio.client import Client

from deploy.local.postgres import Postgres
from deploy.local.temporal import Temporal
from tests.e2e.cli_stand import poolmedic
from tests.e2e.collector import collecting
from tests.e2e.test_services import environment, serving
from tests.e2e.webhook_stand import TOKEN, alert, bearer, payload

__all__ = ["environment"]


async def test_one_trace_from_the_post_to_the_database(
    environment: dict[str, str],
    temporal_server: Temporal,
    postgres_server: Postgres,
    tmp_path: Path,
) -> None:
    with collecting() as collector:
        environment |= {
            "TEMPORAL_ADDRESS": temporal_server.address,
            "POOLMEDIC_TASK_QUEUE": "tracing",
            "SHOP_DSN": postgres_server.medic_dsn,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
        }
        assert (await poolmedic("setup", environment=environment)).code == 0
        async with serving("run", environment, tmp_path / "log") as service:
            await service.until("/readyz", 200)
            body = payload(alert("shop"))
            assert (await service.http.post("/alerts", json=body, headers=bearer(TOKEN))).status_code == 200
            await collector.until("RunActivity:read_database")
            assert await service.end(signal.SIGTERM) == 0
    (post,) = collector.named("POST /alerts")
    assert not post.parent_span_id
    assert collector.services == {"poolmedic"}
    inside = {span.name for span in collector.spans if span.trace_id == post.trace_id}
    assert "SignalWithStartWorkflow:Incident" in inside
    assert {"StartActivity:read_database", "RunActivity:read_database", "postgresql server"} <= inside
    assert postgres_server.password("poolmedic") not in str(collector.spans)
    client = await Client.connect(temporal_server.address)
    await client.get_workflow_handle("pool/shop").terminate("the test is over")
