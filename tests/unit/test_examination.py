"""`poolmedic diagnose`: what it concludes from a simulated world, in how many looks, and how it says so."""

import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast, override

import pytest
from rich.console import Console

from tests.fakes import cases, changes, indexes, ports
from tests.fakes.database import FakeDatabase
from tests.fakes.indexes import FakeIndexes
from tests.fakes.readings import SLOW_QUERY
from tests.fakes.world import World
from tests.unit import scenes
from tests.unit.plans import undersized_look
from worker.examination import NEEDS_INCIDENT, Examination, Found, examine
from worker.examination_view import describe, render
from worker.progress import Progress
from worker.wiring import Sources
from workflows import guard
from workflows.diagnosis import diagnose
from workflows.models.evidence import Evidence
from workflows.models.index import IndexAdvice
from workflows.models.plan import Proposal
from workflows.models.policy import Policy
from workflows.plan import plan
from workflows.ports.requests import Look

READS = {
    "read_metrics", "read_application", "read_database", "read_containers", "read_silence", "advise_index"
}  # fmt: skip
LACKING = indexes.advice()
ESCAPE = "\x1b]0;owned\x07"


class Skipping(Progress):
    """Moves the world's clock instead of waiting."""

    def __init__(self, world: World) -> None:
        super().__init__(Console(file=io.StringIO()))
        self.world = world
        self.pauses: list[tuple[float, str]] = []

    @override
    async def pause(self, seconds: float, why: str) -> None:
        self.pauses.append((seconds, why))
        skipped = timedelta(seconds=seconds)
        self.world.clock = lambda: datetime.now(UTC) + skipped


@pytest.fixture
def world() -> World:
    return World(cases.target())


def asked(world: World) -> Sources:
    """Every source, as a fake that reads the world."""
    return Sources(
        metrics=cast("Any", ports.FakeMetrics(world)),
        application=ports.FakeApplication(world),
        database=cast("Any", FakeDatabase(world)),
        indexes=cast("Any", FakeIndexes(world)),
        containers=cast("Any", ports.FakeContainers(world)),
        alerts=ports.FakeAlerts(world),
    )


async def look(world: World, rules: Policy | None = None, *, most: int = 2) -> tuple[Examination, Skipping]:
    wanted = Look(target=world.target, policy=rules or cases.policy(), alert_name="PoolExhausted")
    progress = Skipping(world)
    found = await examine(asked(world), wanted, progress, most_looks=most)
    assert set(world.script.calls) <= READS
    assert world.acts == []
    return found, progress


def written(found: Examination, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO(), highlight=False, emoji=False, markup=False)
    console.print(render(found))
    text = cast("io.StringIO", console.file).getvalue()
    assert all(len(line) <= width for line in text.splitlines())
    return text


def squeezed(text: str) -> str:
    """Whatever the width."""
    return " ".join(text.split())


def slows(world: World, advice: IndexAdvice | None = LACKING) -> None:
    """A query of the application's takes every connection, for a minute now."""
    began = world.after(minutes=-1)
    pids = range(300, 310)
    change = changes.slow_down("orders-1", world.target.database, pids, SLOW_QUERY)
    world.happens(change, began)
    world.happens(lambda state, _at: replace(state, advice=advice), began)


async def test_a_quiet_pool_is_healthy_in_one_look(world: World) -> None:
    found, progress = await look(world)
    assert (found.found, found.looks, progress.pauses) == (Found.HEALTHY, 1, [])
    assert found.guards == {}
    assert "orders: healthy (100%)   1 look" in written(found)


async def test_an_old_leak_needs_one_look_and_its_step_names_every_session(world: World) -> None:
    world.leak(10, world.after(minutes=-10))
    found, _ = await look(world)
    assert (found.found, found.looks) == (Found.STEP, 1)
    assert isinstance(found.plan.step, Proposal)
    text = written(found)
    for session in found.plan.step.act.sessions:  # type: ignore[union-attr]
        assert f"\n {session.pid} " in text
    assert describe(found)["exit_code"] == 3


async def test_a_young_leak_takes_a_second_look_when_it_is_certain(world: World) -> None:
    world.leak(10, world.after(seconds=-20))
    found, progress = await look(world)
    assert (found.found, found.looks) == (Found.STEP, 2)
    ((seconds, why),) = progress.pauses
    assert 5 < seconds < 15
    assert "look forgotten, but not for long enough" in why
    assert "unchanged over two looks" in found.diagnosis.first.reasons[0]


async def test_once_is_one_look_whatever_it_shows(world: World) -> None:
    world.leak(10, world.after(seconds=-20))
    found, progress = await look(world, most=1)
    assert (found.found, found.looks, progress.pauses) == (Found.SUSPICION, 1, [])
    assert "Exit code 5" in written(found)


async def test_what_cannot_be_read_is_told_with_its_reason(world: World) -> None:
    world.leak(10, world.after(minutes=-10))
    world.happens(changes.blind("database", "no route to host"))
    found, _ = await look(world)
    assert found.found is Found.UNKNOWN
    assert written(found).count("no route to host") == 1
    assert describe(found)["unavailable"]["database"] == "database: no route to host"


async def test_one_look_that_sees_nothing_is_no_suspicion(world: World) -> None:
    for source in ("metrics", "application", "database", "containers"):
        world.happens(changes.blind(source, f"{source} is gone"))
    found, _ = await look(world, most=1)
    assert found.found is Found.UNKNOWN
    text = written(found)
    assert "Exit code 6: the cause cannot be told" in text
    assert text.index("Could not be read: ") < text.index("cannot be told: ")
    assert "No leak" not in text
    assert text.count("Could not be read: database: ") == 1
    assert "not known: " not in text


async def test_guards_are_asked_as_before_an_act_and_the_others_named(world: World) -> None:
    world.leak(10, world.after(minutes=-10))
    world.happens(changes.silence("ada: deployment"))
    found, _ = await look(world, cases.policy(mode="observe"))
    assert set(found.guards) | set(NEEDS_INCIDENT) == set(guard.GUARDS)
    assert not set(found.guards) & set(NEEDS_INCIDENT)
    assert found.guards["permission"] == "the mode is observe"
    assert found.guards["silence"] == "the alert is silenced: ada: deployment"
    text = written(found)
    assert "refuses: the alert is silenced: ada: deployment" in text
    for name in NEEDS_INCIDENT:
        assert f"\n {name} " in text


async def test_every_further_option_is_told_with_exactly_what_it_would_touch(world: World) -> None:
    world.leak(10, world.after(minutes=-10))
    found, _ = await look(world)
    restart, timeout = found.further
    assert isinstance(restart.step, Proposal)
    assert isinstance(timeout.step, Proposal)
    text = written(found)
    assert "Would follow, if that does not help, by itself: Restart the container" in squeezed(text)
    container = re.escape(restart.step.act.container_id[:12])  # type: ignore[union-attr]
    assert re.search(rf"^ orders-app-1 +{container} +orders-1 +\d\d-\d\d ", text, re.MULTILINE), text
    assert "Would follow, if connections leak again after that, and after a restart;" in squeezed(text)
    assert re.search(
        r"^ orders +orders +nothing +5 min 0 s *$|^ orders +orders +nothing +\S", text, re.MULTILINE
    ), text
    described = describe(found)
    assert [each["step"]["act"]["option"] for each in described["further"]] == ["restart", "session-timeout"]
    assert described["plan"]["step"]["act"]["option"] == "terminate"


@pytest.mark.parametrize("width", [80, 160])
async def test_the_index_that_a_slow_query_lacks_is_looked_for_and_told(world: World, width: int) -> None:
    database = world.target.database.model_copy(update={"index_dsn": "ORDERS_INDEX_DSN"})
    world.target = world.target.model_copy(update={"database": database})
    slows(world)
    found, _ = await look(world)
    assert "advise_index" in world.script.calls
    text = squeezed(written(found, width))
    assert "Would follow, if a statement runs on though it was told to stop, after approval: End" in text
    assert "Would follow, if that query fills the pool again after that, after approval: CREATE INDEX" in text
    assert f"DROP INDEX CONCURRENTLY public.{LACKING.name}" in text
    assert f"index {LACKING.name} on public.{LACKING.table} (receiver) undo DROP INDEX" in text
    assert not [each for each in describe(found)["further"] if isinstance(each["step"], str)]


async def test_without_a_login_no_index_is_looked_for_and_the_reason_is_told(world: World) -> None:
    slows(world)
    found, _ = await look(world)
    assert "advise_index" not in world.script.calls
    assert "left out: Create an index: the configuration names no login that may" in squeezed(written(found))


async def test_whoever_observes_does_not_log_in_as_the_owner_of_tables(world: World) -> None:
    database = world.target.database.model_copy(update={"index_dsn": "ORDERS_INDEX_DSN"})
    world.target = world.target.model_copy(update={"database": database})
    slows(world)
    found, _ = await look(world, cases.policy(mode="observe"))
    assert "advise_index" not in world.script.calls
    assert "left out: Create an index: in mode observe nobody logs in as the owner" in squeezed(
        written(found)
    )


async def test_a_plan_that_cannot_be_read_is_told(world: World) -> None:
    database = world.target.database.model_copy(update={"index_dsn": "ORDERS_INDEX_DSN"})
    world.target = world.target.model_copy(update={"database": database})
    slows(world, advice=None)
    found, _ = await look(world)
    assert "left out: Create an index: no index is known that query" in squeezed(written(found))
    assert found.found is Found.STEP


async def test_a_step_that_needs_approval_says_whose(world: World) -> None:
    world.leak(10, world.after(minutes=-10), has_written=True)
    found, _ = await look(world)
    assert found.guards["permission"] == "terminate needs approval, and nobody approved it"
    assert "after approval (ada" in written(found)


def concluded(evidence: Evidence, rules: Policy | None = None) -> Examination:
    target, rules = scenes.target(), rules or scenes.policy()
    diagnosis = diagnose(evidence, None, target, rules)
    planned = plan(diagnosis, evidence, (), target, rules, evidence.at)
    return Examination(target, rules, evidence, 1, diagnosis, planned, {"limits": None})


def test_the_sizes_that_a_step_would_bring_are_shown() -> None:
    text = written(concluded(undersized_look()))
    assert re.search(r"^ web-1 +20 +40 +20 +4 h 0 min *$", text, re.MULTILINE), text


def test_the_container_that_a_step_would_restart_is_shown() -> None:
    text = written(concluded(scenes.evidence(), scenes.policy(options={"restart": "alone"})))
    container = scenes.container().id[:12]
    assert re.search(rf"^ shop-1 +{container} +web-1 +\d\d-\d\d ", text, re.MULTILINE), text


def test_no_text_from_outside_acts_on_the_terminal_or_adds_a_line() -> None:
    def lines(text: str) -> str:
        sessions = scenes.sessions(18, application_name=text)
        found = concluded(scenes.evidence(database=scenes.database(sessions), metrics=scenes.GONE))
        finding = found.diagnosis.first.model_copy(update={"reasons": (text,), "doubts": (text,)})
        diagnosis = found.diagnosis.model_copy(update={"findings": (finding,), "missing": (text,)})
        hostile = Examination(
            found.target, found.policy, found.evidence, 1, diagnosis, found.plan, {"limits": text}
        )
        return written(hostile, width=4000)

    forged = lines(f"word{ESCAPE}\n[bold]Exit code 0: healthy.[/]\u202e")
    assert forged.count("\n") == lines("word").count("\n")
    assert "\x1b" not in forged
    assert "[bold]" in forged
