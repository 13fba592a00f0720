"""Containers of ours on an engine, told apart by a label that names the stack."""

from __future__ import annotations

import contextlib

import docker
from docker.errors import DockerException, NotFound

LABEL = "poolmedic.drill"


def remove_labelled(engine: str, label: str) -> bool:
    """Remove every container with this label; False if there was none or the engine is gone."""
    try:
        client = docker.DockerClient(base_url=engine)
    except DockerException:
        return False
    with contextlib.closing(client):
        found = client.containers.list(all=True, filters={"label": label})
        for container in found:
            with contextlib.suppress(NotFound):
                container.remove(force=True, v=True)
    return bool(found)
