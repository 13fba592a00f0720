"""One container, read out of what the engine's `inspect` says."""

from datetime import datetime
from typing import Any

from docker.models.containers import Container

from workflows.errors import SourceNonsense
from workflows.models.base import Moment
from workflows.models.evidence import ContainerState

USUAL_STOP_GRACE = 10
"""Seconds; the engine's own where the container says nothing."""
_NEVER = "0001-01-01"


def describe(container: Container) -> ContainerState:
    """Raises SourceNonsense where the engine leaves something out."""
    attributes: dict[str, Any] = container.attrs
    try:
        state, config = attributes["State"], attributes["Config"]
        return ContainerState(
            id=attributes["Id"],
            running=state["Running"] and not (state["Paused"] or state["Restarting"]),
            status=state["Status"],
            started_at=_moment(state["StartedAt"]),
            restart_count=attributes["RestartCount"],
            oom_killed=state["OOMKilled"],
            exit_code=state["ExitCode"],
            image=config["Image"],
            stop_grace_seconds=USUAL_STOP_GRACE
            if config.get("StopTimeout") is None
            else config["StopTimeout"],
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise SourceNonsense(f"container {container.name}: the engine's description lacks {exc}") from exc


def _moment(text: str) -> Moment | None:
    """Cut to microseconds, so that what a plan carries stays equal to what the engine says."""
    return None if text.startswith(_NEVER) else datetime.fromisoformat(text)
