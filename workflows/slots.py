"""The server's connection slots: how far pools may grow without the server refusing somebody."""

from math import floor

from workflows.models.evidence import DatabaseReading, PoolState
from workflows.models.target import Target


def ours(target: Target, pools: dict[str, PoolState]) -> dict[str, int]:
    """The most connections each instance may open: its effective maximum, or the configured one if larger."""
    return {
        instance.name: max(
            instance.pool_size, pools[instance.name].size if instance.name in pools else instance.pool_size
        )
        for instance in target.instances
    }


def left_for_us(database: DatabaseReading, target: Target, maxima: dict[str, int]) -> int:
    """Slots the target may fill: all, less the reserved ones and everyone else's configured maxima.

    Where more of the others are connected than the configuration knows of, what is there counts; and so do
    own sessions beyond `maxima`, what the known pools may open: somebody else has our name, and keeps them.
    A connection limit of the application's role, which everybody who connects as it shares, or of its
    database, may leave fewer than the server has.
    """
    server, others = database.server, max(target.database.others, database.foreign)
    beyond = max(database.sessions_total - sum(maxima.values()), 0)
    left = [server.max_connections - server.reserved_connections - others]
    if server.role_limit is not None:
        left.append(server.role_limit - database.foreign_of_role)
    if server.database_limit is not None:
        left.append(server.database_limit - others)
    return min(left) - beyond


def spare_per_instance(database: DatabaseReading, target: Target, maxima: dict[str, int]) -> int:
    """By how much every instance's pool may grow, with `surge` times the instances running at a deployment.

    ⌊(max_connections − reserved − others − ours) / (instances × surge)⌋, where ours is counted at surge too.
    """
    running = len(target.instances) * target.surge
    spare = left_for_us(database, target, maxima) - sum(maxima.values()) * target.surge
    return max(floor(spare / running), 0)


def room(database: DatabaseReading, target: Target, maxima: dict[str, int], sizes: dict[str, int]) -> int:
    """Slots that nobody needs once pools of these sizes, in place of `maxima`, are full at surge."""
    wanted = sum((maxima | sizes).values()) * target.surge
    return floor(left_for_us(database, target, maxima) - wanted)


def fits(database: DatabaseReading, target: Target, maxima: dict[str, int], sizes: dict[str, int]) -> bool:
    """Whether pools of these sizes, in place of `maxima`, leave everybody else their slots at surge."""
    return room(database, target, maxima, sizes) >= 0
