"""The names by which Temporal knows incidents."""

WORKFLOW = "Incident"
SIGNAL = "alert"


def workflow_id(target: str) -> str:
    """One per target: Temporal itself keeps incidents from running side by side."""
    return f"pool/{target}"
