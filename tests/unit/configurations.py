"""A configuration as a newcomer would write it, to be spoilt by the tests."""

from copy import deepcopy
from typing import Any

import yaml

from worker.config import Configuration
from worker.config_file import read_configuration

PROFILES = ("covetpy",)

_TARGET: dict[str, Any] = {
    "name": "shop",
    "matchers": {"job": "shop"},
    "profile": "covetpy",
    "selector": {"job": "shop"},
    "instances": [
        {"name": "shop-1:8000", "url": "http://127.0.0.1:8000", "container": "shop-1", "pool_size": 20}
    ],
    "database": {
        "name": "main",
        "dsn": "SHOP_DSN",
        "dbname": "shop",
        "role": "shop",
        "application_names": ["shop"],
    },
    "routes": {"l1": ["oncall"], "l2": ["dba"], "l3": ["lead"]},
}


def raw() -> dict[str, Any]:
    """One valid target and its routes."""
    return {
        "prometheus": {"url": "http://127.0.0.1:9090"},
        "routes": {"oncall": ["ONCALL_URL"], "dba": ["DBA_URL"], "lead": ["LEAD_URL"]},
        "targets": [deepcopy(_TARGET)],
    }


def another(name: str) -> dict[str, Any]:
    """A second target that shares nothing with the first but the server."""
    target = deepcopy(_TARGET)
    target["name"] = name
    target["matchers"] = {"job": name}
    target["instances"][0] |= {"url": f"http://{name}:8000", "container": name}
    target["database"]["application_names"] = [name]
    return target


def read(data: dict[str, Any], *, with_secrets: bool = False) -> Configuration:
    """Through YAML, as from a file."""
    text = yaml.safe_dump(data, sort_keys=False)
    return read_configuration(text, "poolmedic.yaml", profiles=PROFILES, with_secrets=with_secrets)
