"""Reports on a real FTP server: what fsspec reaches by URL."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from activities.report_store import open_store
from activities.reports import StoredReports

SERVER = Path(__file__).with_name("ftp_server.py")
USER, PASSWORD = "reporter", "marked-password"


@dataclass(frozen=True)
class RemoteReports:
    """The port, where the server keeps what it is given, and the server itself."""

    port: StoredReports
    url: str
    folder: Path
    server: subprocess.Popen[str]

    def end(self) -> None:
        """The server is gone."""
        self.server.kill()
        self.server.wait()


@contextmanager
def serve_ftp(folder: Path) -> Iterator[RemoteReports]:
    """Until the block ends."""
    folder.mkdir()
    command = [sys.executable, str(SERVER), str(folder), USER, PASSWORD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = f"ftp://127.0.0.1:{int(server.stdout.readline())}/incidents"
            yield RemoteReports(StoredReports(open_store(url)), url, folder / "incidents", server)
        finally:
            server.kill()
