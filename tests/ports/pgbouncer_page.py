"""What PgBouncer's console says, as the exporter of the Prometheus community would show it."""

import asyncio
from collections.abc import Iterator, Mapping

import asyncpg
import psycopg
from psycopg.rows import dict_row

from deploy.local.pgbouncer import PgBouncer
from tests.ports.application_stage import Page

type Row = Mapping[str, object]

SHOWN: Mapping[str, tuple[tuple[str, ...], Mapping[str, tuple[str, float]]]] = {
    "pools": (
        ("database", "user"),
        {
            "cl_active": ("client_active_connections", 1),
            "cl_waiting": ("client_waiting_connections", 1),
            "sv_active": ("server_active_connections", 1),
            "sv_idle": ("server_idle_connections", 1),
            "sv_used": ("server_used_connections", 1),
            "sv_tested": ("server_testing_connections", 1),
            "sv_login": ("server_login_connections", 1),
            "maxwait": ("client_maxwait_seconds", 1),
        },
    ),
    "databases": (
        ("name", "host", "port", "database", "force_user", "pool_mode"),
        {"pool_size": ("pool_size", 1), "reserve_pool": ("reserve_pool", 1)},
    ),
    "stats_totals": (
        ("database",),
        {
            "xact_count": ("sql_transactions_pooled_total", 1),
            "xact_time": ("server_in_transaction_seconds_total", 1e-6),
            "wait_time": ("client_wait_seconds_total", 1e-6),
        },
    ),
}
"""By view of the console: the columns that are labels, and name and factor of those that are metrics."""


class BouncerPages:
    """The exporter's page, and those of an application whose probe goes through PgBouncer."""

    def __init__(self, bouncer: PgBouncer) -> None:
        self._bouncer = bouncer

    async def answer(self, path: str) -> Page | None:
        match path:
            case "/metrics":
                return "200 OK", (await asyncio.to_thread(self._show)).encode()
            case "/health":
                return "200 OK", b"ok"
            case "/probe":
                return await self._probe()
        return "404 Not Found", b""

    def _show(self) -> str:
        # One statement each, without parameters: the console knows only the simple protocol.
        with psycopg.connect(self._bouncer.console_dsn, autocommit=True, row_factory=dict_row) as console:
            lines = [line for view in SHOWN for line in _lines(view, console.execute(f"SHOW {view}"))]
        return "\n".join([*lines, "pgbouncer_up 1", ""])

    async def _probe(self) -> Page:
        dsn = self._bouncer.application_dsn
        connection = await asyncpg.connect(dsn, timeout=5, statement_cache_size=0)
        try:
            await connection.execute("SELECT 1")
        finally:
            connection.terminate()
        return "200 OK", b"done"


def _lines(view: str, rows: Iterator[Row]) -> Iterator[str]:
    labels, metrics = SHOWN[view]
    for row in rows:
        told = ",".join(f'{label}="{"" if row[label] is None else row[label]}"' for label in labels)
        for column, (name, factor) in metrics.items():
            yield f"pgbouncer_{view}_{name}{{{told}}} {float(str(row[column])) * factor}"
