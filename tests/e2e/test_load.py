"""The load generator against a real server: it sends what it says, whatever the answers."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from deploy.load.generator import Load


class Server:
    """Answers every request after `delay` seconds with `status`."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.status = 200
        self.requests: list[str] = []
        self.clients: list[asyncio.StreamWriter] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients.append(writer)
        try:
            head = b""
            while b"Connection: close" not in head:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head.split(b"\r\n", 1)[0].decode())
                await asyncio.sleep(self.delay)
                writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\n\r\n".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
async def address(server: Server) -> AsyncIterator[str]:
    listener = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    async with listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        for client in server.clients:
            client.transport.abort()


async def test_arrivals_follow_the_rate_even_if_answers_are_slow(server: Server, address: str) -> None:
    server.delay = 0.5
    async with Load(address, rate=100, hold_ms=150, seconds=2) as load:
        figures = await load.wait()
    assert 150 < figures.answers < 250
    assert figures.statuses == {"200": figures.answers}
    assert figures.p50 is not None
    assert figures.p50 >= 0.5
    assert figures.skipped == 0
    assert {request.split("?")[1] for request in server.requests} == {"hold_ms=150 HTTP/1.1"}


async def test_it_keeps_its_rate_while_many_wait(server: Server, address: str) -> None:
    server.delay = 2.0
    async with Load(address, rate=100, seconds=2.5) as load:
        figures = await load.wait()
    assert 200 < figures.answers < 300
    assert figures.skipped == 0
    assert figures.p95 is not None
    assert figures.p95 < 2.5


async def test_beyond_its_bound_it_skips_and_says_so(server: Server, address: str) -> None:
    server.delay = 1.0
    async with Load(address, rate=100, seconds=0.9, in_flight=10) as load:
        figures = await load.wait()
    assert figures.answers == 10
    assert figures.skipped > 40


async def test_the_rate_changes_while_it_runs(server: Server, address: str) -> None:
    async with Load(address, rate=20, seconds=10) as load:
        await asyncio.sleep(1)
        before = len(server.requests)
        load.rate = 200
        await asyncio.sleep(1)
        assert len(server.requests) - before > 4 * before


async def test_every_instance_gets_its_part(server: Server, address: str) -> None:
    async with Load(f"{address}/one", f"{address}/two", rate=100, seconds=0.5) as load:
        await load.wait()
    paths = [request.split()[1].split("/")[1] for request in server.requests]
    assert len(paths) > 10
    assert abs(paths.count("one") - paths.count("two")) <= 1


async def test_figures_of_the_last_seconds_hold_after_the_last_arrival(server: Server, address: str) -> None:
    async with Load(address, rate=50, seconds=0.5) as load:
        await asyncio.sleep(0.7)
        assert not load.is_running
        assert load.summarize(last=5).answers == len(server.requests) > 0
        await load.wait()
        await asyncio.sleep(0.2)
        assert load.summarize().answers == len(server.requests)


async def test_refusals_and_errors_are_counted_by_name(server: Server, address: str) -> None:
    server.status = 503
    async with Load(address, rate=50, seconds=0.5) as load:
        assert set((await load.wait()).statuses) == {"503"}
    async with Load("http://127.0.0.1:1", rate=50, seconds=0.5) as load:
        assert set((await load.wait()).statuses) == {"ConnectionRefusedError"}


async def test_it_ends_by_itself_and_with_its_block(server: Server, address: str) -> None:
    server.delay = 30
    async with Load(address, rate=50, seconds=0.3) as load:
        await asyncio.sleep(0.6)
        assert not load.is_running
        sent = len(server.requests)
        assert sent > 0
    await asyncio.sleep(0.3)
    assert len(server.requests) == sent
