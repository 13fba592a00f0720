"""Recorded real runs of the diagnosis trial, one of each scenario: `make bench` writes many more."""

from functools import cache
from pathlib import Path

from bench.diagnosis.record import Record, read_records

FOLDER = Path(__file__).resolve().parents[1] / "bench_records"


@cache
def recorded() -> dict[str, Record]:
    """By scenario."""
    return {record.scenario: record for record in read_records(FOLDER)}
