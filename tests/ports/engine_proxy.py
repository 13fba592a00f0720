"""A proxy before a Docker Engine, as a socket proxy is: it writes down each request, and may refuse it."""

import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedIOBase
from typing import NamedTuple, override
from urllib.parse import unquote, urlsplit

LARGEST = 65_536
REFUSED = (
    b"HTTP/1.0 403 Forbidden\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n"
    b"<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n"
)
"""In the words of HAProxy, which the commonest socket proxy is made of."""


class Request(NamedTuple):
    """What was asked of the engine; the version of its interface and the query are left out."""

    method: str
    path: str

    @property
    def shape(self) -> tuple[str, str]:
        """The same for every container and every program run in one."""
        return self.method, re.sub(r"^/(containers|exec)/[^/]+/", r"/\1/{id}/", self.path)


type Rule = Callable[[Request], bool]


class EngineProxy(socketserver.ThreadingTCPServer):
    """In threads of its own, so that whoever asks may block; `requests` are those that came so far."""

    daemon_threads = True

    def __init__(self, engine: str, allows: Rule) -> None:
        super().__init__(("127.0.0.1", 0), _Link)
        self.engine = engine
        self.allows = allows
        self.refusal = REFUSED
        self.requests: list[Request] = []
        host, port = self.socket.getsockname()
        self.address = f"tcp://{host}:{port}"

    @classmethod
    @contextmanager
    def before(cls, engine: str, allows: Rule = lambda _request: True) -> Iterator["EngineProxy"]:
        """Listen for the block, before the engine at this address."""
        with cls(engine, allows) as proxy:
            serving = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
            serving.start()
            try:
                yield proxy
            finally:
                proxy.shutdown()
                serving.join()

    def connect(self) -> socket.socket:
        """A connection of its own to the engine."""
        where = urlsplit(self.engine)
        if where.scheme != "unix":
            return socket.create_connection((where.hostname or "", where.port or 2375))
        link = socket.socket(socket.AF_UNIX)
        link.connect(where.path)
        return link


class _Link(socketserver.StreamRequestHandler):
    """One connection of a client: its requests one by one, the engine's answers as they come."""

    server: EngineProxy

    @override
    def handle(self) -> None:
        with self.server.connect() as engine, suppress(ConnectionError):
            answering = threading.Thread(target=_pump, args=(engine.makefile("rb"), self.connection))
            answering.start()
            try:
                while self._pass_on(engine):
                    pass
            finally:
                with suppress(OSError):
                    engine.shutdown(socket.SHUT_WR)
                answering.join()

    def _pass_on(self, engine: socket.socket) -> bool:
        """One request; whether another one may follow on this connection."""
        head = b""
        while (line := self.rfile.readline()) != b"\r\n":
            if not line:  # the client has left
                return False
            head += line
        first, _, rest = head.decode("latin-1").partition("\r\n")
        method, path, _version = first.split(" ")
        fields = {name.lower(): value.strip() for name, _, value in map(_partition, rest.splitlines())}
        request = Request(method, re.sub(r"^/v[\d.]+(?=/)", "", unquote(urlsplit(path).path)))
        body = self.rfile.read(int(fields.get("content-length", 0)))
        self.server.requests.append(request)
        if not self.server.allows(request):
            self.connection.sendall(self.server.refusal)
            return False
        engine.sendall(head + b"\r\n" + body)
        if "upgrade" in fields:  # from here on it is no HTTP any more
            _pump(self.rfile, engine)
            return False
        return True


def _partition(line: str) -> tuple[str, str, str]:
    return line.partition(":")


def _pump(source: BufferedIOBase, to: socket.socket) -> None:
    with suppress(OSError, ValueError):
        while data := source.read1(LARGEST):
            to.sendall(data)
    with suppress(OSError):
        to.shutdown(socket.SHUT_WR)
