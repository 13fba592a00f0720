"""What presses on a server, for the pure decisions: statements at work, and nothing out of the ordinary."""

from tests.unit.scenes import known
from workflows.models.pressure import Checkpoints, ServerPressure
from workflows.models.reading import Known


def pressed(others: dict[str, int] | None, own: dict[str, int] | None = None) -> Known[ServerPressure]:
    """Statements at work of others and of our own, by wait; `None`: whose they are was not read."""
    waits = dict(others or {})
    for kind, count in (own or {"running": 20}).items():
        waits[kind] = waits.get(kind, 0) + count
    return known(
        ServerPressure(
            waits=waits,
            others=others,
            standbys=(),
            idle_slots=0,
            kept_bytes=None,
            checkpoints=Checkpoints(timed=1, requested=0),
        )
    )
