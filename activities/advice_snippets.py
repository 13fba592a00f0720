"""How each kind of pool is configured, ready to paste: by the metric profile that a target names.

None where the tree does not know how: a profile of somebody's own, or a pool that has no such setting.
"""

import json
from datetime import timedelta

from workflows.models.target import Target

LONGEST_WAIT = 30
"""Seconds: the runbook's own `pool_timeout`."""
_LIFETIME = 1800
"""Seconds for which a connection is used: half of the runbook's `pool_recycle`, and HikariCP's own."""
_KEPT_ALIVE = 60
"""Seconds after which an idle one is asked whether it still lives."""
_BREAKER = (
    "from covet.database.adapters.circuit_breaker import CircuitBreaker, CircuitBreakerConfig\n"
    "\n"
    "breaker = CircuitBreaker(CircuitBreakerConfig(failure_threshold=5, timeout=60.0))\n"
)
"""The runbook's numbers; what the breaker refuses it raises as `CircuitBreakerOpen`."""


def recycling(target: Target) -> str | None:
    """That connections which the server has closed are noticed, and none is used for ever."""
    return {
        "covetpy": _covet_adapter(target),
        "sqlalchemy": f"create_engine(url, pool_pre_ping=True, pool_recycle={_LIFETIME})",
        "hikaricp": f"spring.datasource.hikari.max-lifetime={_LIFETIME * 1000}\n"
        f"spring.datasource.hikari.keepalive-time={_KEPT_ALIVE * 1000}",
        "pgbouncer": f"server_lifetime = {_LIFETIME}\n"
        "server_check_query = select 1\n"
        f"server_check_delay = {_KEPT_ALIVE}",
    }.get(target.profile)


def _covet_adapter(target: Target) -> str:
    """Its other pool, `covet.database.core.connection_pool`, never notices that a session was ended."""
    database, most = target.database, max(instance.pool_size for instance in target.instances)
    return (
        "from covet.database.adapters.postgresql import PostgreSQLAdapter\n"
        "\n"
        "adapter = PostgreSQLAdapter(\n"
        "    host=host,\n"
        f"    database={json.dumps(database.dbname)},\n"
        f"    user={json.dumps(database.role)},\n"
        "    password=password,\n"
        f"    max_pool_size={most},\n"
        f"    max_inactive_connection_lifetime={_KEPT_ALIVE},\n"
        f'    server_settings={{"application_name": {json.dumps(database.application_names[0])}}},\n'
        ")"
    )


def pool_timeout(target: Target) -> str | None:
    """That a request gives up waiting for a connection."""
    return {
        "covetpy": f"async with adapter.pool.acquire(timeout={LONGEST_WAIT}) as connection:",
        "sqlalchemy": f"create_engine(url, pool_timeout={LONGEST_WAIT})",
        "hikaricp": f"spring.datasource.hikari.connection-timeout={LONGEST_WAIT * 1000}",
        "pgbouncer": f"query_wait_timeout = {LONGEST_WAIT}",
    }.get(target.profile)


def leak_detection(target: Target, after: timedelta) -> str | None:
    """That the pool itself names the code which keeps a connection for longer than this."""
    milliseconds = round(after / timedelta(milliseconds=1))
    return {
        "hikaricp": f"spring.datasource.hikari.leak-detection-threshold={milliseconds}",
    }.get(target.profile)


def breaker_before_the_pool(target: Target) -> str | None:
    """That requests are turned away at once while the pool gives no connection."""
    return {
        "covetpy": f"{_BREAKER}\n"
        "connection = await breaker.call(adapter.pool.acquire, timeout=1.0)\n"
        "try:\n"
        "    ...\n"
        "finally:\n"
        "    await adapter.pool.release(connection)",
    }.get(target.profile)


def breaker_before_a_service(target: Target, seconds: int) -> str | None:
    """That nobody waits long for another service, and nobody at all while it fails."""
    return {
        "covetpy": "import asyncio\n"
        f"{_BREAKER}\n"
        "async def answer():\n"
        f"    async with asyncio.timeout({seconds}):\n"
        "        return await call_the_service()\n"
        "\n"
        "result = await breaker.call(answer)",
    }.get(target.profile)
