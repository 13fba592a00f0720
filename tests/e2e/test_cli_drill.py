"""`diagnose`, `watch` and `report` as an engineer uses them, on the real stack.

That `diagnose` is harmless is judged by PostgreSQL's log, the engine's events, the application and the
receiver, with a configuration that would let an incident act by itself.
"""

import asyncio
import dataclasses
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.demo import configuration, witness
from deploy.demo.stage import CONFIGURATION, REPORTS, Stage
from deploy.local import probes
from deploy.local.postgres import SUPERUSER
from deploy.local.postgres_roles import connected
from deploy.local.process import Process
from tests.e2e.cli_stand import Said, poolmedic
from tests.e2e.drill_stand import LEAK, LEAKED, Ended, Stand, open_stand
from worker.examination import NEEDS_INCIDENT, Found
from workflows.models.report import Report

SECONDS_OF_A_DRILL = 120.0
SECONDS_TO_START = 30.0
NOBODY = "127.0.0.1:9"
"""Where no Temporal listens."""


@dataclass(frozen=True)
class Before:
    """How it all was before `diagnose` looked."""

    at: datetime
    container: witness.Start
    generation: int
    messages: int


@pytest.fixture(scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with open_stand(tmp_path_factory.mktemp("cli")) as opened:
        yield opened


@pytest.fixture(scope="class")
async def stage(stand: Stand) -> AsyncIterator[Stage]:
    """Nobody works on it: whatever is done to it, `diagnose` has done.

    Alerts are taken all the same. One that Alertmanager could not deliver would come to the next drill.
    """
    stage = await stand.prepare(LEAK)
    worker = stage.worker.process
    await worker.stop()
    program, _ = worker.command.arguments
    takes = dataclasses.replace(worker.command, name="webhook", arguments=(program, "webhook"))
    webhook = Process(worker.state, takes)
    webhook.start()
    try:
        await webhook.wait_ready(probes.http(f"{stage.worker.url}/healthz"), SECONDS_TO_START)
        yield stage
    finally:
        await webhook.stop()


def environment(stage: Stage, **changes: str) -> dict[str, str]:
    """As an engineer at another machine has it: the secrets of what is asked, and no more."""
    given = configuration.describe_environment(
        stage.stack, stage.folder / CONFIGURATION, stage.folder / REPORTS
    )
    settings = ("POOLMEDIC_CONFIG", "POOLMEDIC_DOCKER_HOST", "POOLMEDIC_REPORTS")
    needed = (*settings, "COVETPY_DSN", "COVETPY_INDEX_DSN")
    return {name: given[name] for name in needed} | {"TEMPORAL_ADDRESS": NOBODY} | changes


def patient(stage: Stage, leak_age: str) -> str:
    """The configuration, with sessions called forgotten only after so long; its file."""
    text = (stage.folder / CONFIGURATION).read_text()
    changed = re.sub(r"^( +leak_age:).*", rf"\1 {leak_age}", text, flags=re.MULTILINE)
    assert changed != text
    (stage.folder / "patient.yaml").write_text(changed)
    return str(stage.folder / "patient.yaml")


async def look_around(stage: Stage) -> Before:
    name = stage.application.name
    return Before(
        datetime.now(UTC),
        await witness.container_start(stage, name),
        (await stage.application.pool()).generation,
        len(stage.stack.receiver.messages()),
    )


async def changes_since(stage: Stage, before: Before) -> list[str]:
    """What somebody did to the target or told people, by everybody but `diagnose` itself."""
    name, now = stage.application.name, await look_around(stage)
    events = await asyncio.to_thread(stage.stack.engine.events, name, before.at, now.at)
    found = {
        "ended": witness.ended_since(stage, before.at),
        "cancelled": witness.cancelled_since(stage, before.at),
        "asked for": [line for line in stage.stack.postgres.log.asked() if line.at >= before.at],
        "events of the container": events,
        "another start": [now.container] if now.container != before.container else [],
        "another size": [now.generation] if now.generation != before.generation else [],
        "messages": stage.stack.receiver.messages()[before.messages :],
    }
    return [what for what, seen in found.items() if seen]


async def diagnosed(stage: Stage, *arguments: str, **changes: str) -> Said:
    """What `diagnose` said, and that it did nothing else."""
    before = await look_around(stage)
    said = await poolmedic(
        "diagnose", stage.target, *arguments, environment=environment(stage, **changes), within=60
    )
    assert await changes_since(stage, before) == []
    return said


async def leaked(stage: Stage) -> set[int]:
    """The pids of a leak that has just struck."""
    await stage.application.leak(LEAKED)

    async def ask() -> str | None:
        return None if len(await stage.application.forgotten()) == LEAKED else "not yet"

    assert await probes.until(ask, 20) is None
    return set(await stage.application.forgotten())


class TestDiagnose:
    """A healthy pool, then one that leaks, in the order of these tests."""

    async def test_a_healthy_pool(self, stage: Stage) -> None:
        said = await diagnosed(stage)
        assert said.code == Found.HEALTHY, said.err
        assert f"{stage.target}: healthy (100%)" in said.out
        assert "Nothing was touched. Exit code 0: healthy." in said.out

    async def test_what_one_look_only_suspects_a_second_one_confirms(self, stage: Stage) -> None:
        pids = await leaked(stage)
        config = patient(stage, "12s")
        once = await diagnosed(stage, "--once", "--json", POOLMEDIC_CONFIG=config)
        assert (once.code, once.json["looks"]) == (Found.SUSPICION, 1)
        said = await diagnosed(stage, "--json", POOLMEDIC_CONFIG=config)
        assert said.code == Found.STEP, said.err
        assert re.search(r"One look cannot tell: .*\nLooking again in \S+ s; --once does not wait.", said.err)
        assert (said.json["looks"], said.json["cause"]) == (2, "leak")
        assert "unchanged over two looks" in said.json["diagnosis"]["findings"][0]["reasons"][0]
        named = {each["pid"] for each in said.json["plan"]["step"]["act"]["sessions"]}
        assert named
        assert named <= pids

    async def test_a_leak_with_exactly_what_would_be_ended(self, stage: Stage) -> None:
        pids = set(await stage.application.forgotten())
        said = await diagnosed(stage)
        assert said.code == Found.STEP, said.err
        listed = said.out.partition("sessions that would be ended")[2].partition("risk")[0]
        assert {
            int(pid) for pid in re.findall(r"^ (\d+)  idle in transaction ", listed, re.MULTILINE)
        } == pids
        guards = said.out.partition("guards before the act")[2]
        for guard in ("permission", "silence", "limits", "still exhausted"):
            assert re.search(rf"^ {guard} +passes *$", guards, re.MULTILINE), guards
        assert len(re.findall("not asked: only an incident", guards)) == len(NEEDS_INCIDENT)
        further = said.out.partition("Would follow, if that does not help, ")[2]
        assert re.search(rf"^ {stage.application.name} +[0-9a-f]{{12}} ", further, re.MULTILINE), said.out
        assert len(await stage.application.forgotten()) == LEAKED

    async def test_what_it_could_not_read_is_told_and_nothing_is_proposed(self, stage: Stage) -> None:
        dsn = "postgresql://nobody:secret-of-nobody@127.0.0.1:9/nowhere"
        said = await diagnosed(stage, COVETPY_DSN=dsn)
        assert said.code == Found.UNKNOWN
        assert "Could not be read: database: " in said.out
        assert "sessions that would be ended" not in said.out
        assert "secret-of-nobody" not in said.out + said.err

    async def test_the_witnesses_would_have_seen_an_act(self, stage: Stage) -> None:
        before = await look_around(stage)
        (pid, *_) = await stage.application.forgotten()
        async with connected(stage.stack.postgres, SUPERUSER) as connection:
            assert await connection.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)

        async def ask() -> str | None:
            return None if await changes_since(stage, before) == ["ended"] else "nobody has noticed"

        assert await probes.until(ask, 5) is None

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [(("nowhere",), "is not a target of"), (("no/such name",), "no/such name is not a target of")],
    )
    async def test_a_wrong_target(self, stage: Stage, arguments: tuple[str, ...], told: str) -> None:
        said = await poolmedic("diagnose", *arguments, environment=environment(stage))
        assert said.code == 2
        assert told in said.err


async def test_an_incident_is_watched_to_its_end_and_its_report_is_printed(stand: Stand) -> None:
    seen: list[Said] = []

    async def watch(stand: Stand) -> None:
        await stand.see(lambda sight: bool(sight.events))
        address = stand.stage.stack.temporal.address
        given = environment(stand.stage, TEMPORAL_ADDRESS=address)
        seen.append(
            await poolmedic("watch", stand.stage.target, environment=given, within=SECONDS_OF_A_DRILL)
        )

    ended = await stand.run(LEAK, meanwhile=watch)
    # Whoever watches starts a program in the very second in which the incident acts.
    assert ended.unmet_but_late == []
    (said,) = seen
    assert said.code == 0, said.err
    *lines, last = said.out.splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == [entry.text for entry in ended.report.timeline]
    assert last.startswith("The incident is over: recovered.")
    await assert_report(stand.stage, ended)


async def assert_report(stage: Stage, ended: Ended) -> None:
    given = environment(stage)
    markdown = await poolmedic("report", stage.target, environment=given)
    assert markdown.out.startswith(f"# {stage.target}: recovered from a connection leak")
    by_run = await poolmedic("report", stage.target, "--run", ended.report.run_id, environment=given)
    assert by_run.out == markdown.out
    said = await poolmedic("report", stage.target, "--format", "json", environment=given)
    kept = Report.model_validate(said.json)
    assert (kept.run_id, kept.complete) == (ended.report.run_id, True)
    page = await poolmedic("report", stage.target, "--format", "html", environment=given)
    assert page.out.count("<polyline ") == len(stage.applications)
    assert re.search(r"<li>[\d:]{8} terminate: done; it helped</li>", page.out)
    file = next((stage.folder / REPORTS / stage.target).glob("*.json"))
    assert json.loads(file.read_text()) == said.json


async def test_a_report_that_is_not_there(tmp_path: Path) -> None:
    said = await poolmedic("report", "orders", environment={"POOLMEDIC_REPORTS": str(tmp_path)})
    assert said.code == 1
    assert f"no report of orders is stored at {tmp_path.as_uri()}" in said.err
    other = await poolmedic(
        "report", "orders", "--run", "0" * 36, "--format", "json", "--reports", "gopher://x"
    )
    assert other.code == 1
    assert "POOLMEDIC_REPORTS" in other.err
    assert "Traceback" not in said.err + other.err
