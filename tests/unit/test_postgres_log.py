"""Which sessions the server's log says that a command ended."""

import json
from pathlib import Path

from deploy.local.postgres_log import PostgresLog

COMMAND = "terminating connection due to administrator command"
SERVER_GONE = "terminating connection due to unexpected postmaster exit"


def write(folder: Path, *messages: str) -> None:
    lines = [
        {
            "timestamp": "2026-01-01 10:00:00.000 UTC",
            "pid": pid,
            "error_severity": "FATAL",
            "state_code": "57P01",
            "message": message,
        }
        for pid, message in enumerate(messages, start=1)
    ]
    (folder / "postgres.json").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def test_whoever_lost_its_server_was_not_ended_by_a_command(tmp_path: Path) -> None:
    write(tmp_path, COMMAND, SERVER_GONE)
    assert [line.pid for line in PostgresLog(tmp_path).ended_sessions()] == [1]
