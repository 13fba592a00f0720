"""How each kind of pool is configured, ready to paste, with the target's own numbers.

The texts are data, in the YAML file beside this module. None where it has none: for a profile of somebody's
own, or a pool that has no such setting.
"""

import json
from datetime import timedelta
from functools import cache
from importlib import resources
from string import Template

import yaml

from workflows.models.target import Target

LONGEST_WAIT = 30
"""Seconds: the runbook's own `pool_timeout`."""
_LIFETIME = 1800
"""Seconds for which a connection is used: half of the runbook's `pool_recycle`, and HikariCP's own."""
_KEPT_ALIVE = 60
"""Seconds after which an idle one is asked whether it still lives."""


def recycling(target: Target) -> str | None:
    """That connections which the server has closed are noticed, and none is used for ever."""
    database = target.database
    return _snippet(
        target,
        "recycling",
        lifetime=_LIFETIME,
        alive=_KEPT_ALIVE,
        database=json.dumps(database.dbname),
        user=json.dumps(database.role),
        application=json.dumps(database.application_names[0]),
        size=max(instance.pool_size for instance in target.instances),
    )


def pool_timeout(target: Target) -> str | None:
    """That a request gives up waiting for a connection."""
    return _snippet(target, "timeout", wait=LONGEST_WAIT)


def leak_detection(target: Target, after: timedelta) -> str | None:
    """That the pool itself names the code which keeps a connection for longer than this."""
    return _snippet(target, "leak_detection", held=round(after.total_seconds()))


def breaker_before_the_pool(target: Target) -> str | None:
    """That requests are turned away at once while the pool gives no connection."""
    return _snippet(target, "breaker_before_the_pool")


def breaker_before_a_service(target: Target, seconds: int) -> str | None:
    """That nobody waits long for another service, and nobody at all while it fails."""
    return _snippet(target, "breaker_before_a_service", patience=seconds)


def _snippet(target: Target, purpose: str, **values: str | int) -> str | None:
    text = _texts().get(target.profile, {}).get(purpose)
    return None if text is None else Template(text).substitute(values)


@cache
def _texts() -> dict[str, dict[str, str]]:
    file = resources.files("activities") / "advice_snippets.yaml"
    texts: dict[str, dict[str, str]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return texts
