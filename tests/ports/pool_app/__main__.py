"""A small application in a container: health page, pool page, and a pool size that SIGHUP reads anew.

`POOL_FILE`, `POOL_SIZE`, `PORT`; `ACTIVE=n` has n connections checked out, and without a number it tells no
more than the size; `DEAF=1` ignores the signal, `SICK=n` is unhealthy from its n-th start on, `SLOW=n` needs
n seconds to stop.
"""

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import override

POOL_FILE = Path(os.environ["POOL_FILE"])
STARTS = Path("/tmp/starts")  # noqa: S108  the container's own
state = {"size": int(os.environ["POOL_SIZE"]), "generation": 1}


class Pages(BaseHTTPRequestHandler):
    """`/health` and `/pool`."""

    def do_GET(self) -> None:
        is_sick = len(STARTS.read_text()) > int(os.environ.get("SICK", "99")) - 1 and self.path == "/health"
        body = json.dumps({**state, **usage()}).encode()
        self.send_response(503 if is_sick else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, *_: object) -> None:
        """Keep the log empty."""


def usage() -> dict[str, int]:
    if not os.environ["ACTIVE"]:
        return {}
    active = int(os.environ["ACTIVE"])
    return {"active": active, "idle": max(state["size"] - active, 0), "waiters": 0}


def read_file() -> None:
    if POOL_FILE.exists():
        values = json.loads(POOL_FILE.read_text())
        state["size"] = values["pool_size"] + values.get("max_overflow", 0)


def reload(*_: object) -> None:
    if not os.environ.get("DEAF"):
        read_file()
        state["generation"] += 1


def stop(*_: object) -> None:
    time.sleep(float(os.environ.get("SLOW", "0")))
    sys.exit(0)


with STARTS.open("a") as starts:
    starts.write("x")
read_file()
signal.signal(signal.SIGHUP, reload)
signal.signal(signal.SIGTERM, stop)
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Pages).serve_forever()
