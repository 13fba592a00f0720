"""The connection to Temporal, by the same environment and profile file as the `temporal` command line."""

import asyncio
from collections.abc import Sequence

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.plugin import SimplePlugin
from temporalio.runtime import Runtime

from worker.errors import TemporalUnavailable, Usage

PATIENCE = 5.0
DEFAULT_ADDRESS = "localhost:7233"


async def connect(runtime: Runtime, plugins: Sequence[SimplePlugin] = (), *, lazy: bool = False) -> Client:
    """A client; a lazy one connects with its first call, and again after every loss.

    Raises `TemporalUnavailable` when Temporal does not answer, `Usage` when its settings cannot be read.
    """
    profile = read_profile()
    address = profile.setdefault("target_host", DEFAULT_ADDRESS)
    try:
        async with asyncio.timeout(PATIENCE):
            return await Client.connect(
                **profile,
                data_converter=pydantic_data_converter,
                plugins=list(plugins),
                runtime=runtime,
                lazy=lazy,
            )
    # The SDK says RuntimeError when it cannot connect.
    except (RuntimeError, TimeoutError) as error:
        raise TemporalUnavailable(
            f"Temporal at {address} cannot be reached; start it, or set TEMPORAL_ADDRESS"
        ) from error


def read_profile() -> ClientConnectConfig:
    """Address, namespace, TLS and key; raises `Usage`."""
    try:
        return ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError, OSError) as error:
        raise Usage(f"the TEMPORAL_… settings or the profile file cannot be read: {error}") from error
