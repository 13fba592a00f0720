"""The process: pool, pages, web server, and what signals do. It may be process 1 of a container."""

import asyncio
import logging
import signal

import asyncpg
import uvicorn
from covet import Covet
from covet.database.monitoring.pool_monitor import initialize_pool_monitor

from .faults import add_faults
from .leak import LeakBug
from .ledger import Ledger
from .lock import LockBug
from .operations import add_operations
from .pages import add_pages
from .partner import Partner
from .pool import Pool
from .settings import PoolFileError, PoolSize, Settings
from .traffic import Asgi, count_requests

logger = logging.getLogger("target.serve")
STOP_TIMEOUT = 2
SWEEP_EVERY = 1.0
HEALTH_EVERY = 10


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; raises what asyncpg raises if the database can't be reached."""
    size = choose_size(settings)
    monitor = await initialize_pool_monitor(
        size.slots,
        health_check_interval=HEALTH_EVERY,
        enable_alerting=False,  # it would log every checkout of a full pool
    )
    ledger = Ledger(settings.leak_after, monitor)
    pool = Pool(
        settings.database,
        size,
        ledger,
        acquire_timeout=settings.acquire_timeout,
        reaps_dead=settings.reaps_dead,
    )
    await pool.open()
    bug = LeakBug(pool)
    sweeper = asyncio.create_task(sweep(pool))
    try:
        await run_server(await assemble(settings, pool, bug), settings, pool)
    finally:
        sweeper.cancel()
        await monitor.stop()
        await bug.switch_off()
        await pool.close()


async def run_server(app: Asgi, settings: Settings, pool: Pool) -> None:
    reload_on_hangup(settings, pool)
    ignore_signals_after_stop()
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=settings.port,
        access_log=False,
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=STOP_TIMEOUT,
    )
    await uvicorn.Server(config).serve()


async def assemble(settings: Settings, pool: Pool, bug: LeakBug) -> Asgi:
    app = Covet(max_body_size=65_536)
    partner = Partner()
    add_pages(app, pool, bug, partner)
    add_operations(app, pool, settings.instance)
    add_faults(app, bug, partner, LockBug(pool), settings.drill_token)
    return await count_requests(app)


async def sweep(pool: Pool) -> None:
    while True:
        await asyncio.sleep(SWEEP_EVERY)
        pool.ledger.count_overdue()
        await pool.trim()


def choose_size(settings: Settings) -> PoolSize:
    """Return the size in the file, which a restart thus keeps, or without a good file the environment's."""
    if settings.pool_file is None or not settings.pool_file.exists():
        return settings.pool
    try:
        return PoolSize.read(settings.pool_file)
    except PoolFileError as exc:
        logger.warning("pool file refused at start", extra={"reason": str(exc)})
        return settings.pool


def reload_on_hangup(settings: Settings, pool: Pool) -> None:
    running: set[asyncio.Task[None]] = set()

    def start() -> None:
        task = asyncio.create_task(reload_size(settings, pool))
        running.add(task)
        task.add_done_callback(running.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, start)


async def reload_size(settings: Settings, pool: Pool) -> None:
    """Apply the configuration file, or say why not; only an applied one raises the generation."""
    if settings.pool_file is None:
        logger.warning("SIGHUP: POOL_CONFIG_FILE is not set, pool size kept")
        return
    try:
        size = PoolSize.read(settings.pool_file)
    except PoolFileError as exc:
        logger.warning("SIGHUP: pool file refused, pool size kept", extra={"reason": str(exc)})
        return
    await pool.resize(size)


def ignore_signals_after_stop() -> None:
    """uvicorn raises the stopping signal once more when it is done, which would skip closing the pool."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def run(settings: Settings) -> int:
    """Serve, and return the process's exit code."""
    signal.signal(signal.SIGTERM, give_up_starting)
    try:
        asyncio.run(serve(settings))
    except (OSError, asyncpg.PostgresError) as exc:
        logger.critical("database can't be reached, stopping", extra={"reason": str(exc)})
        return 1
    return 0


def give_up_starting(*_: object) -> None:
    """Stop before the web server listens to signals: process 1 of a container has no default action."""
    raise SystemExit(1)
