"""What presses on a whole database server, whoever causes it: numbers only, nobody is named."""

from workflows.models.base import Model, Moment


class Standby(Model):
    """One connected standby (`pg_stat_replication`)."""

    state: str
    """`streaming` when it keeps up by stream; `catchup`, `startup` or `backup` otherwise."""
    is_sync: bool
    """Commits may wait for it."""
    behind_bytes: int | None = None
    """Of the write-ahead log, not yet replayed there; None where it does not say."""
    behind_seconds: float | None = None
    """Age of the last change replayed there; None while it has nothing to replay."""


class Checkpoints(Model):
    """Since the server last forgot its statistics (`pg_stat_checkpointer`, before 17 `pg_stat_bgwriter`)."""

    timed: int
    """Begun because `checkpoint_timeout` was over."""
    requested: int
    """Begun before that, mostly because `max_wal_size` was full: each makes every write dearer."""
    since: Moment | None = None


class ServerPressure(Model):
    """What every client backend of the server waits for, how far its standbys are, what its log must keep."""

    waits: dict[str, int]
    """Client backends that execute a statement, of everybody: by `wait_event_type`, `running` for none."""
    others: dict[str, int] | None = None
    """Of them, those that are not the target's own sessions; None in readings older than this field."""
    standbys: tuple[Standby, ...]
    idle_slots: int
    """Replication slots that nobody reads and that log is kept for (`pg_replication_slots`)."""
    slot_names: tuple[str, ...] = ()
    """Theirs, the farthest behind first, cut at 20."""
    kept_bytes: int | None
    """Of the write-ahead log, kept for the one of them that is farthest behind; None where none is."""
    checkpoints: Checkpoints
