"""The command line: services, set-up and checks; the other commands are in `worker.cli_…`.

Servers and drivers are imported where they are used: a person who approves does not wait for them.
"""

import asyncio
import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from worker import cli_diagnose, cli_incidents, cli_pause, cli_reports, cli_size
from worker.config_schema import schema
from worker.logs import start_logging
from worker.namespace import set_up
from worker.settings import load_settings
from worker.telemetry import new_runtime
from worker.temporal import connect
from worker.terminal import console, shown, write_json

Config = Annotated[
    Path | None,
    typer.Option(help="The configuration file.", envvar="POOLMEDIC_CONFIG", show_default="poolmedic.yaml"),
]
Host = Annotated[
    str | None, typer.Option(help="Address to listen on.", envvar="POOLMEDIC_HOST", show_default="127.0.0.1")
]
Port = Annotated[
    int | None, typer.Option(help="Port to listen on.", envvar="POOLMEDIC_PORT", show_default="8080")
]
WorkerPort = Annotated[
    int | None,
    typer.Option(
        "--port", help="Port for health and metrics.", envvar="POOLMEDIC_WORKER_PORT", show_default="8081"
    ),
]
TaskQueue = Annotated[
    str | None,
    typer.Option(help="Temporal's task queue.", envvar="POOLMEDIC_TASK_QUEUE", show_default="poolmedic"),
]
LogLevel = Annotated[
    str | None,
    typer.Option(help="debug, info, warning or error.", envvar="POOLMEDIC_LOG_LEVEL", show_default="info"),
]
LogFormat = Annotated[
    str | None, typer.Option(help="console or json.", envvar="POOLMEDIC_LOG_FORMAT", show_default="console")
]
Json = Annotated[bool, typer.Option("--json", help="For machines.", envvar="POOLMEDIC_JSON")]

app = typer.Typer(
    name="poolmedic",
    help="Heals exhausted database connection pools. Temporal is found by the TEMPORAL_… environment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 110},
)
app.add_typer(cli_diagnose.app)
app.add_typer(cli_incidents.app)
app.add_typer(cli_pause.app)
app.add_typer(cli_reports.app)
app.add_typer(cli_size.app)


@app.command()
def run(
    config: Config = None,
    host: Host = None,
    port: Port = None,
    task_queue: TaskQueue = None,
    log_level: LogLevel = None,
    log_format: LogFormat = None,
) -> None:
    """Take alerts and run incidents, in one process."""
    settings = load_settings(
        config=config, host=host, port=port, task_queue=task_queue, log_level=log_level, log_format=log_format
    )
    from worker.services import serve_all

    serve_all(settings)


@app.command()
def webhook(
    config: Config = None,
    host: Host = None,
    port: Port = None,
    task_queue: TaskQueue = None,
    log_level: LogLevel = None,
    log_format: LogFormat = None,
) -> None:
    """Take alerts only; needs its tokens, the keys of links and of payloads, and no other secret."""
    settings = load_settings(
        config=config, host=host, port=port, task_queue=task_queue, log_level=log_level, log_format=log_format
    )
    from worker.services import serve_webhook

    serve_webhook(settings)


@app.command()
def worker(
    config: Config = None,
    host: Host = None,
    port: WorkerPort = None,
    task_queue: TaskQueue = None,
    log_level: LogLevel = None,
    log_format: LogFormat = None,
) -> None:
    """Run incidents only."""
    settings = load_settings(
        config=config,
        host=host,
        worker_port=port,
        task_queue=task_queue,
        log_level=log_level,
        log_format=log_format,
    )
    from worker.services import serve_worker

    serve_worker(settings)


@app.command()
def check(
    config: Config = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Read the file alone; ask nothing.", envvar="POOLMEDIC_OFFLINE")
    ] = False,
    print_schema: Annotated[
        bool, typer.Option("--schema", help="Print the file's JSON schema.", envvar="POOLMEDIC_SCHEMA")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check the configuration, then ask every source, read-only, and say what would be unavailable."""
    if print_schema:
        write_json(schema())
        return

    from worker.check import check_everything
    from worker.findings import Weight, findings_table

    settings = load_settings(config=config)
    findings = asyncio.run(check_everything(settings, offline=offline))
    if as_json:
        write_json([dataclasses.asdict(finding) for finding in findings])
    else:
        console().print(findings_table(findings))
    if any(finding.weight is Weight.PROBLEM for finding in findings):
        raise typer.Exit(1)


@app.command()
def setup(as_json: Json = False) -> None:
    """Prepare Temporal's namespace: search attributes, and 90 days of memory. Safe to repeat."""

    async def prepare() -> list[str]:
        start_logging("error", "console")
        return await set_up(await connect(new_runtime()))

    done = asyncio.run(prepare())
    if as_json:
        write_json({"done": done})
        return
    for sentence in done:
        console().print(shown(sentence))
