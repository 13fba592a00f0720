"""The command line in this process: help, and the twin of every option in the environment."""

import re

import pytest
from typer.testing import CliRunner

from worker.cli import app

COMMANDS = (
    *("run", "webhook", "worker", "check", "setup", "diagnose"),
    *("incidents", "show", "watch", "report", "acknowledge", "approve", "reject"),
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
