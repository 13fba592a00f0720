"""One supervised process: own session, log file, record for the successor, ended by pid."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import ending, identity, probes
from deploy.local.errors import EndedEarly, NotReady, Survived
from deploy.local.records import ProcessRecord
from deploy.local.state import State

LINES_OF_LOG = 15
KEPT_FROM_ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to run. ``environment`` is laid over the few variables passed on; ``grace`` is in seconds."""

    name: str
    arguments: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None
    user: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 10.0


class Process:
    """Starts, restarts and ends one command; a crash of this program leaves it to the keeper."""

    def __init__(self, state: State, command: Command) -> None:
        self.state = state
        self.command = command
        self.log = state.logs / f"{command.name}.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._record: Path | None = None

    @property
    def pid(self) -> int:
        """Pid of the running or last process; raises RuntimeError before the first start."""
        if self._child is None:
            raise RuntimeError(f"{self.command.name} was never started")
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal."""
        return None if self._child is None else self._child.poll()

    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start it; the log is appended to. Raises OSError if the program cannot be run."""
        command = self.command
        kept = {name: os.environ[name] for name in KEPT_FROM_ENVIRONMENT if name in os.environ}
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                command.arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=command.directory or self.state.folder,
                env={**kept, **command.environment, ending.MARK: str(self.state.folder)},
                user=command.user,
                group=None if command.user is None else _group_of(command.user),
                extra_groups=None if command.user is None else [],
                start_new_session=True,
            )
        self._write_record(self._child.pid)

    async def wait_ready(self, probe: probes.Probe, within: float) -> None:
        """Return once ``probe`` says so; raises EndedEarly, or NotReady after ``within`` seconds."""
        reason = await probes.until(probe, within, give_up=lambda: not self.is_running())
        if not self.is_running():
            raise EndedEarly(self.command.name, self.exit_code or 0, self.log_tail())
        if reason is not None:
            raise NotReady(self.command.name, within, reason, self.log_tail())

    async def stop(self) -> None:
        """Ask it to end, and after its grace make it; raises Survived. No-op when it has ended."""
        await self._end(self.command.stop_signal, self.command.grace)

    async def kill(self) -> None:
        """End it by SIGKILL, at once, as a crash would."""
        await self._end(signal.SIGKILL, 0)

    def log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"  | {line}" for line in lines[-LINES_OF_LOG:])

    async def _end(self, first: signal.Signals, grace: float) -> None:
        child = self._child
        if child is None:
            return
        if child.poll() is None:
            child.send_signal(first)
            await _exited(child, grace)
        for member in identity.session_members(child.pid):
            member.signal(signal.SIGKILL)
        if not await _exited(child, ending.SECONDS_AFTER_KILL):
            raise Survived(self.command.name, child.pid)
        if self._record is not None:
            self._record.unlink(missing_ok=True)
            self._record = None

    def _write_record(self, pid: int) -> None:
        who = identity.identify_started(pid)
        if who is not None:
            command = self.command
            self._record = self.state.records.write(
                ProcessRecord(
                    name=command.name, identity=who, stop_signal=command.stop_signal, grace=command.grace
                )
            )


def _group_of(user: int) -> int:
    return pwd.getpwuid(user).pw_gid


async def _exited(child: subprocess.Popen[bytes], within: float) -> bool:
    async def ask() -> str | None:
        return None if child.poll() is not None else "still running"

    return await probes.until(ask, within) is None
