"""What `poolmedic check` says of the configuration and the environment, before any source is asked."""

import asyncio
import difflib
import os
from collections.abc import Iterator
from pathlib import Path

import typer

from activities.notifications import Address
from activities.report_store import open_store
from worker.config import DEFAULT, Configuration
from worker.config_text import parse
from worker.findings import Finding, Weight
from worker.logs import Redaction
from worker.secret import read_secret
from worker.settings import PREFIX, SECRETS, Settings
from workflows.errors import NotConfigured, PoolmedicError
from workflows.models.policy import Option, Permission

ALWAYS_ASK = (Option.RESIZE, Option.SESSION_TIMEOUT, Option.INDEX)
"""A larger pool, and what stays until somebody takes it back, is never done without a person's word."""


def check_routes(configuration: Configuration, file: Path, redaction: Redaction) -> Iterator[Finding]:
    """Addresses that Apprise does not know, each where the file names it; no address is ever shown."""
    text = parse(file.read_text(encoding="utf-8"))
    for route, names in configuration.routes.items():
        for place, name in enumerate(names):
            secret = read_secret(name)
            redaction.know([secret])
            try:
                Address(name, secret)
            except NotConfigured as error:
                fault = text.fault(("routes", route, place), error.message)
                yield Finding(fault.where, Weight.PROBLEM, fault.message)


def check_rules(configuration: Configuration) -> Iterator[Finding]:
    """What is valid, and does not do what it seems to."""
    inherited = configuration.policies[DEFAULT].options
    for name, policy in configuration.policies.items():
        is_own = name == DEFAULT or policy.options != inherited
        for option in ALWAYS_ASK if is_own else ():
            if policy.options.get(option) is Permission.ALONE:
                told = "a person is always asked for this one: `alone` is taken as `approval`"
                yield Finding(f"policies.{name}.options.{option}", Weight.NOTE, told)
    for place, target in enumerate(configuration.targets):
        if target.reload and not target.reload.file.startswith("/"):
            told = "is relative, and nobody knows to what within the container; begin it with a slash"
            yield Finding(f"targets[{place}].reload.file", Weight.NOTE, told)


def check_tokens(settings: Settings) -> Iterator[Finding]:
    """Without them `poolmedic run` and `poolmedic webhook` do not start."""
    if not settings.webhook_tokens:
        told = "is not set: no alert can be taken, and `poolmedic run` does not start; set it to a long token"
        yield Finding("POOLMEDIC_WEBHOOK_TOKENS", Weight.PROBLEM, told)


async def check_reports(settings: Settings, longest: float) -> Finding:
    """A small file is written where reports are kept, and removed; `longest` is in seconds."""
    try:
        async with asyncio.timeout(longest):
            await asyncio.to_thread(lambda: open_store(settings.reports).probe())
    except PoolmedicError as error:
        return Finding("reports", Weight.PROBLEM, error.message)
    except TimeoutError:
        return Finding("reports", Weight.PROBLEM, f"no answer within {longest:.0f} s")
    return Finding("reports")


def check_names(configuration: Configuration) -> Iterator[Finding]:
    """Settings that nothing reads, which a misspelt one is."""
    known = _settings() | _options() | _secrets(configuration)
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"; is {near[0]} meant?" if near else ""
            yield Finding(name, Weight.NOTE, f"is set, and nothing reads it{meant}")


def _settings() -> set[str]:
    names = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
    return names | {f"{PREFIX}{field.upper()}_FILE" for field in SECRETS}


def _options() -> set[str]:
    """Of the command line, every option of which can be set so."""
    from worker.cli import app  # it imports this module for one of its commands

    commands = getattr(typer.main.get_command(app), "commands", {}).values()
    return {str(option.envvar) for command in commands for option in command.params if option.envvar}


def _secrets(configuration: Configuration) -> set[str]:
    sources = [configuration.prometheus, *filter(None, [configuration.alertmanager])]
    databases = [target.database for target in configuration.targets]
    named = {source.token for source in sources} | {each.dsn for each in databases}
    named |= {each.index_dsn for each in databases} | {
        name for names in configuration.routes.values() for name in names
    }
    return {form for name in named if name for form in (name, f"{name}_FILE")}
