"""An index that a slow query lacks, by the server's own plan, and what its table has to do with it."""

from workflows.models.base import Model
from workflows.models.text import Sentence


class IndexAdvice(Model):
    """What could be created, and what stands in its way now."""

    query_id: int
    namespace: str
    table: str
    columns: tuple[str, ...]
    name: str
    rows: int
    """Of the table, by the server's estimate."""
    rows_per_lookup: int
    """That an index would leave to be read for one value, by the column's statistics: on average, or for its
    commonest value if that has more."""
    table_bytes: int
    cost: float
    """Of the plan as it is, in the planner's own unit."""
    unbounded: tuple[str, ...] = ()
    """Columns whose values may be longer than an entry of an index may be."""
    in_the_way: tuple[Sentence, ...] = ()
    """Transactions that the creation would have to wait for, a sentence each."""


class QueryTally(Model):
    """One query shape so far: what its calls took, and what its plan costs now."""

    query_id: int
    calls: int
    total_seconds: float
    cost: float
    began: str | None = None
    """When the counting did, in the server's own spelling; None where it does not tell."""
    running: int = 0
    """Calls under way, of those as old as was asked about: they are counted when they end."""
