"""The connection to Temporal, by the same environment and profile file as the `temporal` command line.

Every client of ours comes from here, so that what one encrypts every other can read.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from temporalio.client import Client
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.plugin import SimplePlugin
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from worker.errors import TemporalUnavailable, Usage
from worker.sealing import sealing_converter
from worker.settings import load_payload_keys
from workflows.models.text import clean

PATIENCE = 5.0
_CANNOT_CONNECT = "Failed client connect"
DEFAULT_ADDRESS = "localhost:7233"
MOST_PORTS = 65535


class Unreachable(Exception):
    """Nothing listens at Temporal's address, or it did not answer in time."""


def is_silent(error: BaseException) -> bool:
    """Whether the error means that no answer came, rather than a refusal."""
    silent = {RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED}
    return isinstance(error, RPCError) and error.status in silent


def is_not_open(error: RPCError) -> bool:
    """Whether Temporal said that no such workflow runs; an unknown namespace is another matter."""
    return error.status is RPCStatusCode.NOT_FOUND and "namespace" not in error.message.lower()


@asynccontextmanager
async def reaching(seconds: float) -> AsyncIterator[None]:
    """Around calls to Temporal, the first of which also connects: raises `Unreachable` after so long."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise Unreachable from error
    # The SDK has no class of its own for this.
    except RuntimeError as error:
        if _CANNOT_CONNECT not in str(error):
            raise
        raise Unreachable from error


async def connect(runtime: Runtime, plugins: Sequence[SimplePlugin] = (), *, lazy: bool = False) -> Client:
    """A client; a lazy one connects with its first call, and again after every loss.

    Raises `TemporalUnavailable` when Temporal does not answer, `Usage` when its settings cannot be read,
    `ConfigurationRefused` when the keys that encrypt payloads cannot.
    """
    profile = read_profile()
    converter = sealing_converter(load_payload_keys())
    address = profile.setdefault("target_host", DEFAULT_ADDRESS)
    if not _is_address(address):
        raise Usage(f"TEMPORAL_ADDRESS is not host:port, like {DEFAULT_ADDRESS}: {clean(address)}")
    try:
        async with reaching(PATIENCE):
            return await Client.connect(
                **profile,
                data_converter=converter,
                plugins=list(plugins),
                runtime=runtime,
                lazy=lazy,
            )
    except Unreachable as error:
        raise TemporalUnavailable(
            f"Temporal at {address} cannot be reached; start it, or set TEMPORAL_ADDRESS"
        ) from error


def _is_address(text: str) -> bool:
    host, colon, port = text.rpartition(":")
    return bool(colon and host) and "/" not in host and port.isdecimal() and 0 < int(port) <= MOST_PORTS


def read_profile() -> ClientConnectConfig:
    """Address, namespace, TLS and key; raises `Usage`."""
    try:
        return ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError, OSError) as error:
        raise Usage(f"the TEMPORAL_… settings or the profile file cannot be read: {error}") from error
