"""The names by which Temporal knows incidents and database servers."""

WORKFLOW = "Incident"
SIGNAL = "alert"
DATABASE_WORKFLOW = "Database"
_PREFIX = "pool/"


def workflow_id(target: str) -> str:
    """One per target: Temporal itself keeps incidents from running side by side."""
    return f"{_PREFIX}{target}"


def target_of(workflow_id: str) -> str:
    """Whose incident it is."""
    return workflow_id.removeprefix(_PREFIX)


def database_id(name: str) -> str:
    """One per database server."""
    return f"database/{name}"
