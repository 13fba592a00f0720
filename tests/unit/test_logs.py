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
local = sys.argv[2]
try:
    raise ValueError("bad password hunter2secret")
except ValueError:
    logging.getLogger("asyncpg").exception("failed")
"""


ODD = "pa\"ss\\wö'rd"
ODD_PROGRAM = """
import logging, sys
import structlog
from worker.logs import start_logging
start_logging("info", sys.argv[1]).know([sys.argv[2]])
secret = sys.argv[2]
log = structlog.get_logger("poolmedic")
log.info("as it is", value=secret, within={"a": [secret]}, beside=f"{secret} and \\"more\\"")
log.info("twice", told=repr([secret]), again=str({"a": f'"{secret}'}))
logging.getLogger("asyncpg").warning("cannot reach %r", secret)
try:
    raise ValueError(f"bad {secret!r}")
except ValueError:
    log.exception("failed")
"""


EXPECTED = """
import logging, sys
from worker.logs import start_logging
from workflows.errors import SourceUnavailable
start_logging("info", sys.argv[1])
for failure in (SourceUnavailable("Prometheus cannot be reached"), ValueError("a bug")):
    try:
        raise failure
    except Exception:
        logging.getLogger("temporalio.activity").warning("Completing activity as failed", exc_info=True)
"""


def said(style: str, program: str = PROGRAM, secret: str = SECRET) -> str:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program, style, secret], cwd=root, capture_output=True, text=True, check=True
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


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_secret_of_odd_characters_is_known_in_every_form(style: str) -> None:
    text = said(style, ODD_PROGRAM, ODD)
    assert text.count("**********") == 7
    assert not any(piece in text for piece in ("wö", "u00f6", "xf6", 'pa"', "rd'"))


@pytest.mark.parametrize("style", ["json", "console"])
def test_the_variables_of_a_failure_are_not_told(style: str) -> None:
    """They would be cut, and half a secret is not known."""
    text = said(style, secret="postgresql://poolmedic:" + "hunter3secret" * 9)
    assert "failed" in text
    assert "hunter3" not in text


def test_json_lines_are_json() -> None:
    lines = [json.loads(line) for line in said("json").splitlines()]
    assert [line["event"] for line in lines] == ["connecting", "cannot reach **********", "failed"]
    assert all({"timestamp", "level", "logger"} <= line.keys() for line in lines)


def test_a_source_that_fails_is_one_line_and_a_bug_is_told_with_its_place() -> None:
    expected, bug = (json.loads(line) for line in said("json", EXPECTED).splitlines())
    assert expected["reason"] == "Prometheus cannot be reached"
    assert "exception" not in expected
    assert bug["exception"][0]["exc_type"] == "ValueError"
    console = said("console", EXPECTED)
    assert console.count("Traceback") == 1
    assert "Prometheus cannot be reached" in console
