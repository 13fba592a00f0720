"""The list of docs/installing.md is what poolmedic asks of an engine: enough, and not one entry too many.

The proxy is our own; its rules are those that the guide shows for the proxies that it names.
"""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.local.engine import Engine
from deploy.local.state import State
from tests.fakes import cases
from tests.ports import examples
from tests.ports.container_stage import POOL_SIZE, USUAL, RealContainers
from tests.ports.engine_proxy import EngineProxy, Request, Rule
from tests.ports.socket_proxies import (
    ANY_CONTAINER,
    BY_PATH,
    BY_SECTION,
    ID,
    LISTED,
    NAMES,
    Entry,
    by_path,
    by_section,
    exactly,
)
from tests.ports.test_containers import BIG, read, resize, restart, seen_now
from workflows.errors import SourceRefused
from workflows.models.outcome import OutcomeStatus
from workflows.models.policy import Option
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Log

BUSY = b"HTTP/1.0 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
OBSERVING = ("everything", "targets[].log")
DANGEROUS = [
    Request("POST", "/containers/create"),
    Request("DELETE", "/containers/shop"),
    Request("POST", "/containers/shop/update"),
    Request("POST", "/containers/shop/stop"),
    Request("GET", "/containers/shop/export"),
    Request("POST", "/containers/shop/restart/../../create"),
    Request("GET", "/containers/json"),
    Request("POST", "/images/create"),
    Request("POST", "/build"),
    Request("GET", "/info"),
]


@pytest.fixture(scope="module")
async def stage(stack_state: State, docker_engine: Engine) -> AsyncIterator[RealContainers]:
    """One running instance; each test reaches the engine in its own way."""
    async with AsyncExitStack() as stack:
        running = RealContainers(stack_state, docker_engine, stack)
        await running.run(USUAL)
        log = Log.model_validate({"pattern": "pool"})
        running.target = running.target.model_copy(update={"log": log})
        yield running


def barred(stage: RealContainers, **rules: Any) -> dict[Option, str]:
    look = examples.look(stage.target).model_copy(update={"policy": cases.policy(**rules)})
    return stage.port.read_containers(look).barred


def whole(stage: RealContainers) -> tuple[object, ...]:
    """The instance as it is, past the port."""
    beside = stage.output("sh", "-c", "ls -A /var/tmp | grep poolmedic || true")
    return stage.restarts(), stage.sizes(), stage.read(), beside


def example(entry: Entry) -> Request:
    return Request(entry.method, entry.path.replace("{id}", "b0a7"))


def test_everything_that_is_asked_is_on_the_list_and_nothing_else(
    stage: RealContainers, docker_engine: Engine
) -> None:
    with EngineProxy.before(docker_engine.address) as proxy:
        stage.reach(proxy.address)
        use(stage)
    assert {request.shape for request in proxy.requests} == {(entry.method, entry.path) for entry in LISTED}


def test_the_list_can_be_narrowed_down_to_containers_by_name(
    stage: RealContainers, docker_engine: Engine
) -> None:
    name = stage.target.instances[0].container or ""
    narrow = [each.replace(ANY_CONTAINER, f"({re.escape(name)}|{ID})") for each in BY_PATH[2]]
    allows = by_path(narrow)
    with EngineProxy.before(docker_engine.address, allows) as proxy:
        stage.reach(proxy.address)
        use(stage)
    assert NAMES == "shop-1|shop-2"
    assert not allows(Request("GET", "/containers/another/json"))
    assert not allows(Request("GET", "/containers/b0a7/json"))


def use(stage: RealContainers) -> None:
    """Everything that there is to ask for."""
    assert barred(stage) == {}
    act = seen_now(stage)
    assert resize(stage, BIG).status is OutcomeStatus.DONE
    assert resize(stage, POOL_SIZE, replaces=BIG).status is OutcomeStatus.DONE
    assert restart(stage, act).status is OutcomeStatus.DONE


@pytest.mark.parametrize(("parameters", "uses"), [*zip(BY_PATH, (0, 1, 2), strict=True)])
def test_a_proxy_that_knows_paths_lets_through_the_list_and_nothing_else(
    parameters: list[str], uses: int
) -> None:
    wanted = {*OBSERVING, *("restarts", "resizes")[:uses]}
    allows = by_path(parameters)
    assert {entry for entry in LISTED if allows(example(entry))} == {
        entry for entry in LISTED if entry.needed_for in wanted
    }
    assert [request for request in DANGEROUS if allows(request)] == []


def test_a_proxy_that_knows_sections_is_for_observing_alone() -> None:
    allows = by_section(BY_SECTION)
    assert {entry for entry in LISTED if allows(example(entry))} == {
        entry for entry in LISTED if entry.method == "GET" and not entry.path.startswith("/exec")
    }
    assert [request for request in DANGEROUS if request.method != "GET" and allows(request)] == []
    # Why the guide says no more than that of it.
    for more in ({"POST": "1"}, {"POST": "1", "ALLOW_RESTARTS": "1"}):
        assert by_section(BY_SECTION | more)(Request("POST", "/containers/create"))
    assert not by_section(BY_SECTION | {"ALLOW_RESTARTS": "1"})(Request("POST", "/containers/shop/restart"))


@pytest.mark.parametrize("rule", [by_path(BY_PATH[0]), by_section(BY_SECTION)], ids=["paths", "sections"])
def test_by_the_rules_for_observing_it_observes_and_cannot_act(
    stage: RealContainers, docker_engine: Engine, rule: Rule
) -> None:
    before = whole(stage)
    with EngineProxy.before(docker_engine.address, rule) as proxy:
        stage.reach(proxy.address)
        assert isinstance(read(stage).log, Known)
        refused = restart(stage, seen_now(stage))
        with pytest.raises(SourceRefused, match="a proxy before it has to let through"):
            resize(stage, BIG)
    assert refused.status is OutcomeStatus.FAILED
    assert "a proxy before it has to let through" in refused.detail
    assert whole(stage) == before


@pytest.mark.parametrize(
    ("parameters", "options"),
    [*zip(BY_PATH, ({Option.RESTART, Option.RESIZE}, {Option.RESIZE}, set()), strict=True)],
)
def test_what_a_proxy_bars_is_known_before_an_act_and_nothing_is_touched_to_find_it_out(
    stage: RealContainers, docker_engine: Engine, parameters: list[str], options: set[Option]
) -> None:
    before = whole(stage)
    with EngineProxy.before(docker_engine.address, by_path(parameters)) as proxy:
        stage.reach(proxy.address)
        found = barred(stage)
    assert found.keys() == options
    name = stage.target.instances[0].container or ""
    with stage.container() as container:
        own = (name, container.id or "")
    assert [
        each for each in proxy.requests if each.method != "GET" and any(one in each.path for one in own)
    ] == []
    assert whole(stage) == before


def test_each_request_that_is_barred_is_named(stage: RealContainers, docker_engine: Engine) -> None:
    with EngineProxy.before(docker_engine.address, by_path(BY_PATH[0])) as proxy:
        stage.reach(proxy.address)
        found = barred(stage)
    for option, purpose in ((Option.RESTART, "restarts"), (Option.RESIZE, "resizes")):
        named = {f"{entry.method} {entry.path}" for entry in LISTED if entry.needed_for == purpose}
        assert set(re.findall(r"[A-Z]+ /[\w/{}]+", found[option])) == named


@pytest.mark.parametrize(
    "rules",
    [{"mode": "observe"}, {"options": {"terminate": "alone"}}],
    ids=["observe", "neither restarts nor resizes"],
)
def test_nobody_asks_for_what_is_never_done(
    stage: RealContainers, docker_engine: Engine, rules: dict[str, Any]
) -> None:
    with EngineProxy.before(docker_engine.address, by_path(BY_PATH[0])) as proxy:
        stage.reach(proxy.address)
        assert barred(stage, **rules) == {}
    assert {request.method for request in proxy.requests} == {"GET"}


def test_what_is_mended_in_a_proxy_is_heard_at_the_next_look(
    stage: RealContainers, docker_engine: Engine
) -> None:
    rules = [by_path(BY_PATH[0]), by_path(BY_PATH[2])]
    with EngineProxy.before(docker_engine.address, lambda request: rules[0](request)) as proxy:
        stage.reach(proxy.address)
        assert barred(stage).keys() == {Option.RESTART, Option.RESIZE}
        del rules[0]
        assert barred(stage) == {}
        asked = len(proxy.requests)
        assert barred(stage) == {}
    assert {request.method for request in proxy.requests[asked:]} == {"GET"}


@pytest.mark.parametrize("broken", [b"", BUSY], ids=["no answer", "503"])
def test_what_an_engine_did_not_say_is_asked_again_at_the_next_look(
    stage: RealContainers, docker_engine: Engine, broken: bytes
) -> None:
    with EngineProxy.before(docker_engine.address, by_path(BY_PATH[0])) as proxy:
        stage.reach(proxy.address)
        said, proxy.refusal = proxy.refusal, broken
        assert barred(stage) == {}
        proxy.refusal = said
        assert barred(stage).keys() == {Option.RESTART, Option.RESIZE}


def test_an_engine_that_takes_its_time_is_not_asked_for_what_would_lose_the_whole_reading(
    stage: RealContainers, docker_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, takes = 0.0, 1.0

    def slowly(_request: Request) -> bool:
        nonlocal now
        now += takes
        return True

    clock = SimpleNamespace(monotonic=lambda: now)
    for module in ("containers", "engine_list"):
        monkeypatch.setattr(f"activities.{module}.time", clock)
    with EngineProxy.before(docker_engine.address, slowly) as proxy:
        stage.reach(proxy.address)
        assert barred(stage) == {}
        assert now <= 4 + takes
        asked, takes = len(proxy.requests), 0.0
        assert barred(stage) == {}
    resizes = {(entry.method, entry.path) for entry in LISTED if entry.needed_for == "resizes"}
    assert resizes.isdisjoint(request.shape for request in proxy.requests[:asked])
    assert resizes <= {request.shape for request in proxy.requests[asked:]}


@pytest.mark.parametrize("entry", LISTED, ids=lambda entry: f"{entry.method} {entry.path}")
def test_with_one_entry_less_something_fails_and_says_which_and_nothing_is_left_half_done(
    stage: RealContainers, docker_engine: Engine, entry: Entry
) -> None:
    before = whole(stage)
    rule = exactly([other for other in LISTED if other != entry])
    with EngineProxy.before(docker_engine.address, rule) as proxy:
        stage.reach(proxy.address)
        told = failure(stage, entry)
    assert f"asked for {entry.method} /" in told
    assert entry.path.rpartition("/")[2] in told
    assert "a proxy before it has to let through (docs/installing.md)" in told
    assert "<" not in told
    assert whole(stage) == before


def failure(stage: RealContainers, entry: Entry) -> str:
    """Why what the entry is for does not come about."""
    if entry.needed_for in OBSERVING:
        reading = stage.port.read_containers(examples.look(stage.target))
        (state,) = reading.instances.values()
        missing = state.value.log if isinstance(state, Known) else state
        assert isinstance(missing, Unavailable)
        return missing.reason
    try:
        outcome = restart(stage, seen_now(stage)) if entry.needed_for == "restarts" else resize(stage, BIG)
    except SourceRefused as refused:
        return refused.message
    assert outcome.status is OutcomeStatus.FAILED
    assert not any(touched.changed for touched in outcome.touched)
    return outcome.detail
