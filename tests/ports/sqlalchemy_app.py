"""A small application on SQLAlchemy, with the pages that the profile asks for, on the port it is given.

`/work?seconds=…` holds a connection for so long; 503 when there was none in time.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import override
from urllib.parse import parse_qs, urlsplit

from prometheus_client import Counter, generate_latest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import TimeoutError as AcquireTimeout

from deploy.examples.sqlalchemy_metrics import MeasuredPool

SIZE, OVERFLOW = 3, 1
REQUESTS = Counter("http_requests", "Answers by status.", ["status"])
engine = create_engine(
    os.environ["APP_DSN"].replace("postgresql:", "postgresql+psycopg:"),
    poolclass=MeasuredPool,
    pool_size=SIZE,
    max_overflow=OVERFLOW,
    pool_timeout=1,
)


class Pages(BaseHTTPRequestHandler):
    """One thread per request."""

    def do_GET(self) -> None:
        status, body = self._answer()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self) -> tuple[int, bytes]:
        asked = urlsplit(self.path)
        match asked.path:
            case "/metrics":
                return 200, generate_latest()
            case "/health":
                return 200, b"ok"
            case "/probe":
                return work(0)
            case "/work":
                status, body = work(float(parse_qs(asked.query)["seconds"][0]))
                REQUESTS.labels(status).inc()
                return status, body
        return 404, b""

    @override
    def log_message(self, *_: object) -> None:
        """Keep the log empty."""


def work(seconds: float) -> tuple[int, bytes]:
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})
    except AcquireTimeout:
        return 503, b"no connection in time"
    return 200, b"done"


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Pages).serve_forever()
