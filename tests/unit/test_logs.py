"""What is written down, by whatever library: one stream, and no secret in it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SECRET = "postgresql://poolmedic:hunter2secret@db/shop"
PROGRAM = """
import logging, sys
import structlog
from worker.logs import start_logging
redaction = start_logging("info", sys.argv[1])
redaction.know([sys.argv[2], "hunter2secret", "abc"])
structlog.get_logger("poolmedic").info("connecting", dsn=sys.argv[2], words="abc and \\x1b[2J")
logging.getLogger("asyncpg").warning("cannot reach %s", sys.argv[2])
try:
    raise ValueError("bad password hunter2secret")
except ValueError:
    logging.getLogger("asyncpg").exception("failed")
"""


def said(style: str) -> str:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, style, SECRET], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_known_secret_is_never_written(style: str) -> None:
    text = said(style)
    assert "cannot reach" in text
    assert "hunter2secret" not in text
    assert "**********" in text
    assert "abc and" in text
    assert "\x1b[2J" not in text


def test_json_lines_are_json() -> None:
    lines = [json.loads(line) for line in said("json").splitlines()]
    assert [line["event"] for line in lines] == ["connecting", "cannot reach **********", "failed"]
    assert all({"timestamp", "level", "logger"} <= line.keys() for line in lines)
