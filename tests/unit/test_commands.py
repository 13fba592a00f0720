"""The command line in this process: help, and the twin of every option in the environment."""

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from tests.unit.configurations import raw
from worker.__main__ import run
from worker.cli import app

COMMANDS = (
    *("run", "webhook", "worker", "check", "setup", "diagnose"),
    *("incidents", "show", "watch", "report", "acknowledge", "approve", "reject", "pause", "resume", "size"),
)


def help_of(*arguments: str) -> str:
    said = CliRunner().invoke(app, [*arguments, "--help"], env={"COLUMNS": "300"})
    assert said.exit_code == 0
    return said.output


def test_every_command_is_listed() -> None:
    listed = re.findall(r"^ {2}([a-z]+)", help_of().split("Commands:")[1], re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_twin_in_the_environment(command: str) -> None:
    options = re.split(r"^\s+(?=--)", help_of(command), flags=re.MULTILINE)[1:]
    described = {option.split()[0]: " ".join(option.split()) for option in options}
    del described["--help"]
    assert described
    assert all("env var: POOLMEDIC_" in text for text in described.values()), described


@pytest.mark.parametrize("name", ["Shop", "shop-2"])
def test_a_target_that_is_not_there_is_told_with_those_that_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    file = tmp_path / "poolmedic.yaml"
    file.write_text(yaml.safe_dump(raw(), sort_keys=False))
    assert run(["diagnose", name, "--config", str(file)]) == 2
    assert f"{name} is not a target of {file}; those are: shop" in capsys.readouterr().err


@pytest.mark.parametrize("by", ["", "  "])
def test_an_acknowledgement_without_a_name_says_which_option_is_empty(
    capsys: pytest.CaptureFixture[str], by: str
) -> None:
    assert run(["acknowledge", "shop", "--by", by]) == 2
    assert "--by is empty; give your name" in capsys.readouterr().err


@pytest.mark.parametrize(
    "address", ["foo:bar", "http://localhost:7233", "localhost", ":7233", "localhost:0", "localhost:70000"]
)
def test_an_address_of_temporal_that_is_none_is_told_as_such(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    assert run(["incidents"]) == 2
    assert "TEMPORAL_ADDRESS is not host:port" in capsys.readouterr().err
