"""Targets, policies, alerts and cases for tests, with what each test needs changed."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from workflows.models.alert import Alert, AlertStatus, Case
from workflows.models.neighbour import Neighbour
from workflows.models.policy import Mode, Policy
from workflows.models.target import Target

ALERT = "DatabaseConnectionPoolExhausted"
APPROVERS = ("ada", "grace")


def target(name: str = "orders", instances: int = 1, pool_size: int = 10, **changes: Any) -> Target:
    """A target with so many instances; keywords replace its fields."""
    return Target.model_validate(
        {
            "name": name,
            "matchers": {"service": name},
            "profile": "covet",
            "selector": {"service": name},
            "instances": [
                {
                    "name": f"{name}-{number}",
                    "url": f"http://127.0.0.1:{9000 + number}",
                    "container": f"{name}-app-{number}",
                    "pool_size": pool_size,
                }
                for number in range(1, instances + 1)
            ],
            "database": {
                "name": "main",
                "dsn": "ORDERS_MEDIC_DSN",
                "dbname": "orders",
                "role": "orders",
                "application_names": [f"{name}-api"],
            },
            "routes": {"l1": ["on-call"], "l2": ["database-team"], "l3": ["engineering-lead"]},
            "reload": {"file": "/run/app/pool.json"},
            **changes,
        }
    )


def policy(**changes: Any) -> Policy:
    """The policy `auto` of the defaults, with somebody who can approve; keywords replace its fields."""
    return Policy.model_validate({"mode": Mode.AUTO, "approval": {"approvers": APPROVERS}, **changes})


def alert(
    subject: Target, starts_at: datetime, status: AlertStatus = AlertStatus.FIRING, **changes: Any
) -> Alert:
    """An alert on this target; keywords replace its fields."""
    fields = {
        "name": ALERT,
        "status": status,
        "fingerprint": f"f00d-{subject.name}",
        "starts_at": starts_at,
        "labels": {"alertname": ALERT, **subject.matchers},
        "received_at": datetime.now(UTC),
    }
    return Alert.model_validate({**fields, **changes})


def case(subject: Target, rules: Policy, first: Alert, beside: Iterable[Target] = ()) -> Case:
    """The workflow's input; `beside` are the other targets of its database."""
    return Case(
        target=subject,
        policy=rules,
        alert=first,
        links={"Temporal": "https://temporal.example"},
        neighbours=tuple(Neighbour(target=each.name, routes=each.routes) for each in beside),
    )
