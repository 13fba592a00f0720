"""What `poolmedic check` says of the configuration and the environment, before any source is asked."""

from collections.abc import Iterator
from pathlib import Path

from activities.notifications import Address
from worker.config import Configuration
from worker.config_text import parse
from worker.findings import Finding, Weight
from worker.logs import Redaction
from worker.secret import read_secret
from worker.settings import Settings
from workflows.errors import NotConfigured


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


def check_tokens(settings: Settings) -> Iterator[Finding]:
    """Without them `poolmedic run` and `poolmedic webhook` do not start."""
    if not settings.webhook_tokens:
        told = "is not set: no alert can be taken, and `poolmedic run` does not start; set it to a long token"
        yield Finding("POOLMEDIC_WEBHOOK_TOKENS", Weight.PROBLEM, told)
