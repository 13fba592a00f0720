"""The target and the look that the port tests use, with what each test needs changed."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from temporalio.testing import ActivityEnvironment

from tests.fakes import cases
from workflows.models.policy import Policy
from workflows.models.target import Target
from workflows.ports.requests import Look

APPLICATION = "orders-api"
DSN = "ORDERS_MEDIC_DSN"
INDEX_DSN = "ORDERS_INDEX_DSN"


def target(**database: Any) -> Target:
    """One instance, one database; keywords replace fields of `database`."""
    return Target.model_validate(
        {
            "name": "orders",
            "matchers": {"service": "orders"},
            "profile": "covet",
            "selector": {"service": "orders"},
            "instances": [{"name": "orders-1", "url": "http://127.0.0.1:9", "pool_size": 10}],
            "database": {
                "name": "main",
                "dsn": DSN,
                "index_dsn": INDEX_DSN,
                "dbname": "covetpy",
                "role": "covetpy",
                "application_names": [APPLICATION],
            }
            | database,
            "routes": {"l1": ["on-call"], "l2": ["database-team"], "l3": ["lead"]},
        }
    )


def look(subject: Target) -> Look:
    return Look(target=subject, policy=Policy(), alert_name="DatabaseConnectionPoolExhausted")


def acting_look(subject: Target) -> Look:
    """By a policy that may act."""
    return look(subject).model_copy(update={"policy": cases.policy()})


def environment() -> ActivityEnvironment:
    """An activity that has started now; the SDK's own says 1970."""
    given = ActivityEnvironment()
    given.info = replace(given.info, started_time=datetime.now(UTC))
    return given
