"""What an application writes into its log: each line is one line, and costs no container its reading."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker.models.containers import Container

from activities import containers
from activities.container_log import read_log
from activities.containers import DockerContainers
from tests.ports import examples
from workflows.errors import SourceUnavailable
from workflows.models.evidence import LogLine
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Log

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
STAMP = "2026-03-01T12:00:00.000000000Z"
LOG = Log.model_validate({"pattern": "pool"})
DESCRIBED: dict[str, Any] = {
    "Id": "0" * 64,
    "RestartCount": 0,
    "State": {
        "Running": True,
        "Paused": False,
        "Restarting": False,
        "Status": "running",
        "StartedAt": STAMP,
        "OOMKilled": False,
        "ExitCode": 0,
    },
    "Config": {"Image": "shop:1"},
}


def container(written: object) -> Container:
    """A container whose log is that, or raises that."""

    def logs(**_asked: object) -> object:
        if isinstance(written, Exception):
            raise written
        return written

    return cast("Container", SimpleNamespace(name="shop-1", attrs=DESCRIBED, logs=logs))


def told(written: str) -> tuple[LogLine, ...]:
    """The lines that are read of it."""
    found = read_log(container(written.encode()), LOG, NOW)
    assert isinstance(found, Known)
    return found.value


@pytest.mark.parametrize("forged", ["2026-11-30", "2026-03-01T12:00:01Z", "2026-03-01T12:00:01+00:00"])
@pytest.mark.parametrize("sign", ["\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_no_sign_but_a_newline_begins_a_line(sign: str, forged: str) -> None:
    lines = told(f"{STAMP} pool one{sign}{forged} pool forged\n{STAMP} pool two\n")
    assert [line.text.split()[1] for line in lines] == ["one", "two"]
    assert {line.at for line in lines} == {datetime.fromisoformat(STAMP)}


@pytest.mark.parametrize("stamp", ["2026-11-30", "2026-11-30T12:00:00", "20261130", ""])
def test_a_time_without_a_zone_is_none_of_the_engine_s(stamp: str) -> None:
    lines = told(f"{stamp} pool forged\n{STAMP} pool two\n")
    assert [line.text for line in lines] == ["pool two"]


def test_a_literal_that_spans_lines_is_told_of_none_of_them() -> None:
    written = (
        "pool: SELECT x WHERE note = 'hunter2",
        "pool hunter2",
        "pool hunter2' AND id = 5",
        "pool is full",
    )
    lines = told("".join(f"{STAMP} {line}\n" for line in written))
    assert [line.text for line in lines] == ["pool: SELECT x WHERE note = ?", "?", "?", "pool is full"]


@pytest.mark.parametrize(
    "written",
    [
        (
            "DETAIL:  Key (note)=(dear pool team,",
            "ada lovelace cannot connect to the pool) already exists.",
        ),
        ("Failing row contains (1, the pool of,", "ada lovelace, (pool),", "lovelace pool)."),
        ('pool: invalid input syntax for type uuid: "dear pool', 'ada lovelace pool"'),
        ("pool, binding parameters: [", "  [ada pool],", "  ada lovelace pool ]"),
        ('  "pool_token":', '    "pool-lovelace"'),
    ],
    ids=["key", "row", "double quotes", "bound", "secret"],
)
def test_a_value_that_spans_lines_is_told_of_none_of_them(written: tuple[str, ...]) -> None:
    lines = told("".join(f"{STAMP} {line}\n" for line in (*written, "pool is full")))
    behind = ["?"] * (len(written) - 1)
    assert [line.text for line in lines[1:]] == [*behind, "pool is full"]
    assert "dear" not in lines[0].text
    assert "of" not in lines[0].text.split()


@pytest.mark.parametrize("failure", [ValueError("no log"), OverflowError(), KeyError("Config")])
def test_a_log_that_is_none_is_unavailable_and_leaves_every_container_readable(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    written = {"shop-1": container(failure), "shop-2": container(f"{STAMP} pool two\n".encode())}
    engine = SimpleNamespace(container=lambda name: written[name])
    monkeypatch.setattr(containers, "Engine", lambda _connect: engine)
    monkeypatch.setattr(containers, "datetime", SimpleNamespace(now=lambda _zone: NOW))
    instances = tuple(
        examples.target().instances[0].model_copy(update={"name": name, "container": name})
        for name in written
    )
    target = examples.target().model_copy(update={"instances": instances, "log": LOG})
    reading = DockerContainers(lambda: pytest.fail("nobody is asked"), {}).read_containers(
        examples.look(target)
    )
    first, second = (reading.instances[name] for name in written)
    assert isinstance(first, Known)
    assert isinstance(second, Known)
    assert isinstance(first.value.log, Unavailable)
    assert "log of container shop-1: the engine sent what is no log" in first.value.log.reason
    assert isinstance(second.value.log, Known)
    assert [line.text for line in second.value.log.value] == ["pool two"]


def test_an_engine_that_is_gone_says_so() -> None:
    found = read_log(container(SourceUnavailable("the engine is gone")), LOG, NOW)
    assert found == Unavailable(reason="the engine is gone")
