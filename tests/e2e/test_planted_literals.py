"""Literals are planted in whatever the application runs and logs, in a drill to its end, and looked for."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.demo.decoys import Opening
from deploy.local.postgres import SUPERUSER
from deploy.local.postgres_roles import connected
from tests.e2e.cli_stand import poolmedic
from tests.e2e.drill_stand import LEAK, Ended, Stand, open_stand
from workflows.models.policy import Option

MARK = f"mark{uuid4().hex[:12]}"
PLACES = ("held", "running", "dear", "setting", "key", "logged")
PATIENT = dataclasses.replace(LEAK, patience=30.0)
"""Nobody is refused before poolmedic looks: the application logs nothing of its own about its pool."""
TEXTS = "SELECT string_agg(query, ' ') FROM pg_stat_activity"


@pytest.fixture(scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with open_stand(tmp_path_factory.mktemp("literals"), PATIENT) as opened:
        yield opened


async def plant(stand: Stand, holding: AsyncExitStack) -> None:
    """By the application's own role and name, before the pool breaks: one of them is forgotten as well."""
    server, name = stand.stage.stack.postgres, stand.stage.target
    opening, role = Opening(server, holding), server.settings.application_role
    held = await opening.hold(role, name)
    for _ in range(3):
        await held.execute(f"SELECT '{MARK}-dear', pg_sleep(0.3)")
    await held.execute(f"SELECT set_config('drill.note', '{MARK}-setting', true)")
    await held.execute(f"SELECT $q${MARK}-held$q$, id FROM orders WHERE customer = '{MARK}-held'")  # noqa: S608
    await opening.run(role, name, f"SELECT pg_sleep(60) /* {MARK}-running */, E'{MARK}-running'")


def log(stand: Stand) -> None:
    """As a line of the application's own log."""
    words = f"pool timeout: no connection for Key (customer)=({MARK}-key) and name = '{MARK}-logged'"
    line = f'{{"level":"ERROR","message":"{words}","borrower":"/orders"}}\n'
    with stand.stage.stack.engine.client() as engine:
        container = engine.containers.get(stand.stage.application.name)
        told = container.exec_run(
            ["python3", "-c", "import sys; open('/proc/1/fd/1', 'w').write(sys.argv[1])", line]
        )
    assert told.exit_code == 0, told.output


async def seen_at_the_sources(stand: Stand) -> str:
    """What the server and the engine have to say, literals and all."""
    async with connected(stand.stage.stack.postgres, SUPERUSER) as connection:
        texts = str(await connection.fetchval(TEXTS))
    with stand.stage.stack.engine.client() as engine:
        return texts + engine.containers.get(stand.stage.application.name).logs().decode()


def stored(folder: Path) -> str:
    """Every byte below this folder."""
    return "".join(file.read_bytes().decode("latin-1") for file in folder.rglob("*") if file.is_file())


async def metrics(stand: Stand) -> str:
    token = stand.stage.stack.read_token_file.read_text()
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {"Authorization": f"Bearer {token}"}
        answer = await client.get(f"{stand.stage.worker.url}/metrics", headers=headers)
    assert answer.is_success
    return answer.text


async def test_no_literal_of_a_statement_or_a_log_line_is_left_anywhere(stand: Stand) -> None:
    at_the_sources: list[str] = []

    async with AsyncExitStack() as holding:

        async def watch(stand: Stand) -> None:
            await plant(stand, holding)
            log(stand)
            at_the_sources.append(await seen_at_the_sources(stand))

        ended: Ended = await stand.run(PATIENT, meanwhile=watch)
    missing = {place for place in PLACES if f"{MARK}-{place}" not in at_the_sources[0]}
    assert missing <= {"dear", "setting"}, "what is planted can be read where it was planted"
    attempt, *_ = ended.report.attempts
    assert attempt.proposal.act.option is Option.TERMINATE
    stack = stand.stage.stack
    worker = stand.stage.worker.process
    environment = dict(worker.command.environment)
    shown = await poolmedic("show", stand.stage.target, environment=environment)
    diagnosed = await poolmedic("diagnose", stand.stage.target, environment=environment, within=60)
    found = {
        "history": stored(stack.state.folder / "temporal"),
        "reports": stored(stand.stage.folder / "reports"),
        "pages": "\n".join(str(message.body) for message in stack.receiver.messages()),
        "log": worker.log.read_text(),
        "metrics": await metrics(stand),
        "shown": shown.out + shown.err,
        "diagnosed": diagnosed.out + diagnosed.err,
    }
    assert "no connection for Key" in found["reports"], "the line that was logged is shown"
    assert stand.stage.target in found["history"]
    assert [where for where, text in found.items() if MARK in text or not text] == []
