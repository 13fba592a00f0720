"""A deployment replaces the workers one after the other while ten incidents are open: nobody notices."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from bench.chaos.crew import Crew, hire
from deploy.demo.person import text_of
from deploy.demo.run_history import timers
from deploy.local import probes, receiver, temporal
from deploy.local.opening import open_state
from deploy.local.receiver import Message, Receiver
from workflows import attributes
from workflows.naming import workflow_id
from workflows.payloads import converter

TARGETS = [f"shop-{number}" for number in range(10)]
ACKNOWLEDGE = timedelta(seconds=30)
SECONDS_TO_PAGE = timedelta(seconds=3)
SECONDS_FOR_ALL = 60.0
OVERDUE = "nobody has acknowledged"
NOBODY = "http://127.0.0.1:9"


class Rolling(NamedTuple):
    crew: Crew
    receiver: Receiver
    client: Client
    token: str


@pytest.fixture
async def rolling(tmp_path: Path) -> AsyncIterator[Rolling]:
    kinds = {key.name: "Keyword" for key in attributes.ALL}
    with open_state(tmp_path / "stack") as state:
        async with (
            temporal.serve(state, temporal.Settings(search_attributes=kinds)) as server,
            receiver.serve(state) as people,
        ):
            file = tmp_path / "poolmedic.yaml"
            file.write_text(yaml.safe_dump(configuration()))
            token = state.secret("webhook-token")
            environment = {
                "TEMPORAL_ADDRESS": server.address,
                "POOLMEDIC_CONFIG": str(file),
                "POOLMEDIC_WEBHOOK_TOKENS": token,
                "POOLMEDIC_REPORTS": str(tmp_path / "reports"),
                "ONCALL": people.apprise_url("oncall"),
                "DATABASE_TEAM": people.apprise_url("database-team"),
                "DSN": "postgresql://medic:secret@127.0.0.1:9/shop",
            }
            crew = hire(state, environment, server.address, state.port("webhook"), tmp_path)
            try:
                await crew.start()
                client = await Client.connect(server.address, data_converter=converter)
                yield Rolling(crew, people, client, token)
            finally:
                await crew.stop()


def configuration() -> dict[str, Any]:
    """Ten applications of which nothing can be read: people have to be called for each."""
    return {
        "prometheus": {"url": NOBODY},
        "routes": {"oncall": ["ONCALL"], "database-team": ["DATABASE_TEAM"]},
        "policies": {"default": {"mode": "observe", "clocks": {"acknowledge": f"{ACKNOWLEDGE.seconds}s"}}},
        "targets": [
            {
                "name": name,
                "matchers": {"service": name},
                "profile": "covetpy",
                "selector": {"service": name},
                "instances": [{"name": name, "url": NOBODY, "pool_size": 20}],
                "database": {
                    "name": name,
                    "dsn": "DSN",
                    "dbname": "shop",
                    "role": "shop",
                    "application_names": [name],
                },
                "routes": {"l1": ["oncall"], "l2": ["database-team"], "l3": ["database-team"]},
            }
            for name in TARGETS
        ],
    }


async def deliver(rolling: Rolling, began: datetime) -> None:
    """One delivery with all ten, as Alertmanager groups them."""
    alerts = [
        {
            "status": "firing",
            "labels": {"alertname": "DatabaseConnectionPoolExhausted", "service": name},
            "annotations": {},
            "startsAt": began.isoformat(),
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": f"{number:016x}",
        }
        for number, name in enumerate(TARGETS)
    ]
    payload = {
        "version": "4", "groupKey": "{}", "status": "firing", "receiver": "poolmedic", "groupLabels": {},
        "commonLabels": {}, "commonAnnotations": {}, "externalURL": NOBODY, "alerts": alerts,
    }  # fmt: skip
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {"Authorization": f"Bearer {rolling.token}"}
        answer = await client.post(f"{rolling.crew.webhook.url}/alerts", json=payload, headers=headers)
    assert answer.is_success, answer.text


def pages(rolling: Rolling, path: str, words: str) -> list[Message]:
    return [each for each in rolling.receiver.messages(path) if words in text_of(each)]


def title_of(message: Message) -> str:
    return str(message.body["title"])


def fired_at(events: Sequence[HistoryEvent], timer: str) -> datetime:
    """By the server, which counts from the end of the step that started it; after a long one, anew."""
    fired = {each.timer_fired_event_attributes.started_event_id: each.event_time for each in events}
    (at,) = [fired[each.event_id] for each in timers(events, timer) if each.event_id in fired]
    return at.ToDatetime(UTC)


def slowest_step(events: Sequence[HistoryEvent]) -> timedelta:
    """Of the workflow's code, once a worker had it: on a busy machine ten at once may take seconds."""
    begun = {each.event_id: each.event_time.ToDatetime(UTC) for each in events}
    done = [
        (each.event_time.ToDatetime(UTC), each.workflow_task_completed_event_attributes.started_event_id)
        for each in events
        if each.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
    return max(at - begun[start] for at, start in done)


async def test_ten_incidents_go_on_while_their_workers_are_replaced(rolling: Rolling) -> None:
    began, crew = datetime.now(UTC), rolling.crew
    await deliver(rolling, began)

    await crew.spare.start()
    assert await crew.worker.stop() is None
    await crew.worker.start()
    assert await crew.spare.stop() is None

    async def ask() -> str | None:
        called = len(pages(rolling, "/database-team", OVERDUE))
        return None if called >= len(TARGETS) else f"{called} of {len(TARGETS)} are called"

    assert await probes.until(ask, SECONDS_FOR_ALL) is None
    called = {title_of(each): each.at for each in pages(rolling, "/database-team", OVERDUE)}
    assert min(called.values()) >= began + ACKNOWLEDGE
    titles = Counter(title_of(each) for each in rolling.receiver.messages("/database-team"))
    assert {name: sum(name in title for title in titles) for name in TARGETS} == dict.fromkeys(TARGETS, 2)
    assert set(titles.values()) == {1}
    told = Counter(title_of(each) for each in rolling.receiver.messages("/oncall"))
    assert Counter(name for name in TARGETS for title in told if f"{name}:" in title) == Counter(TARGETS)
    assert set(told.values()) == {1}
    for name in TARGETS:
        events = (await rolling.client.get_workflow_handle(workflow_id(name)).fetch_history()).events
        assert EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED not in {event.event_type for event in events}
        (page,) = [at for title, at in called.items() if f"{name}:" in title]
        assert page - fired_at(events, "acknowledge by") < SECONDS_TO_PAGE + slowest_step(events)
