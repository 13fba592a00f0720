"""What every port of the simulated world has."""

from datetime import datetime

from tests.fakes.world import World
from workflows.errors import SourceUnavailable


class Port:
    """Sees the world, unless the world hides the source."""

    def __init__(self, world: World) -> None:
        self.world = world

    def see(self, source: str, at: datetime) -> None:
        """Raises SourceUnavailable where the source is blind."""
        if reason := self.world.state(at).blind.get(source):
            raise SourceUnavailable(f"{source}: {reason}")
