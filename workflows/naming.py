"""The names by which Temporal knows incidents, temporary sizes and database servers."""

WORKFLOW = "Incident"
SIGNAL = "alert"
TEMPORARY_WORKFLOW = "TemporaryChange"
DATABASE_WORKFLOW = "Database"
_PREFIX = "pool/"
_TEMPORARY = "temporary/"
_DATABASE = "database/"


def workflow_id(target: str) -> str:
    """One per target: Temporal itself keeps incidents from running side by side."""
    return f"{_PREFIX}{target}"


def target_of(workflow_id: str) -> str:
    """Whose incident it is."""
    return workflow_id.removeprefix(_PREFIX)


def temporary_id(target: str) -> str:
    """Of the change that takes a temporary size back, one per target."""
    return f"{_TEMPORARY}{target}"


def is_of_target(workflow_id: str) -> bool:
    """Whether it is an incident or a temporary size; another program's workflow is neither."""
    return workflow_id.startswith((_PREFIX, _TEMPORARY))


def database_id(name: str) -> str:
    """One per database server."""
    return f"{_DATABASE}{name}"


def database_of(workflow_id: str) -> str | None:
    """Which server's permits it gives; None for what gives none."""
    return workflow_id.removeprefix(_DATABASE) if workflow_id.startswith(_DATABASE) else None
