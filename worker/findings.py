"""What `poolmedic check` found, a line for each thing that was tried."""

from dataclasses import dataclass
from enum import StrEnum

from rich.table import Table

from worker.terminal import shown


class Weight(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was tried: where, and what came of it."""

    where: str
    weight: Weight = Weight.OK
    told: str = ""


def findings_table(findings: list[Finding]) -> Table:
    """For a terminal."""
    styles = {Weight.OK: "green", Weight.NOTE: "yellow", Weight.PROBLEM: "bold red"}
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        weight = shown(finding.weight, styles[finding.weight])
        table.add_row(weight, shown(finding.where), shown(finding.told))
    return table
