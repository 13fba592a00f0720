"""Real servers for the tests, each started on first use and once per run."""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from deploy.local import engine, postgres, prometheus, temporal
from deploy.local import receiver as receivers
from deploy.local.opening import open_state
from deploy.local.state import State

# A busy machine is slow, which says nothing about the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

EXIT_STATUS = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def stack_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    """State folder that all servers of this run share."""
    with open_state(tmp_path_factory.mktemp("stack")) as state:
        yield state


@pytest.fixture(scope="session")
async def temporal_server(stack_state: State) -> AsyncIterator[temporal.Temporal]:
    """Temporal dev server in real time; for skipped time use the SDK's own test environment."""
    async with temporal.serve(stack_state, temporal.Settings()) as server:
        yield server


@pytest.fixture(scope="session")
async def postgres_server(stack_state: State) -> AsyncIterator[postgres.Postgres]:
    """PostgreSQL with the roles `postgres`, `covetpy`, `billing` (a stranger) and `poolmedic`."""
    settings = postgres.Settings(roles=("billing",), options={"max_prepared_transactions": "5"})
    async with postgres.serve(stack_state, settings) as server:
        yield server


@pytest.fixture(scope="session")
async def docker_engine(stack_state: State) -> AsyncIterator[engine.Engine]:
    """The user's Docker Engine, else a private one."""
    async with engine.serve(stack_state, stack=f"tests-{os.getpid()}") as running:
        yield running


@pytest.fixture(scope="session")
async def prometheus_server(stack_state: State) -> AsyncIterator[prometheus.Prometheus]:
    """Prometheus with the project's rules; scrapes once a second what a test tells it to `watch`."""
    settings = prometheus.Settings(scrape_interval="1s", scrape_timeout="1s")
    async with prometheus.serve(stack_state, settings) as server:
        yield server


@pytest.fixture(scope="session")
async def receiver(stack_state: State) -> AsyncIterator[receivers.Receiver]:
    """A real HTTP receiver; use a path of your own to tell your messages from other tests'."""
    async with receivers.serve(stack_state) as running:
        yield running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files of the drills among the others: drills wait, the others compute."""
    files = list(dict.fromkeys(item.path for item in items))
    drills = [file for file in files if file.parent.name == "e2e"]
    others = [file for file in files if file.parent.name != "e2e"]
    turn = {file: place / len(group) for group in (drills, others) for place, file in enumerate(group)}
    items.sort(key=lambda item: turn[item.path])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[EXIT_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave without the interpreter's own end: after a Temporal client it sometimes dies by SIGSEGV there."""
    status = config.stash.get(EXIT_STATUS, None)
    program = Path(sys.argv[0])
    if status is None or not (program.name == "pytest" or program.match("pytest/__main__.py")):
        return
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.stop_global_capturing()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
