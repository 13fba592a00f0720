"""Search attributes by which incidents are found in the Temporal UI; `poolmedic setup` registers them."""

from temporalio.common import SearchAttributeKey

TARGET = SearchAttributeKey.for_keyword("PoolmedicTarget")
DATABASE = SearchAttributeKey.for_keyword("PoolmedicDatabase")
CAUSE = SearchAttributeKey.for_keyword("PoolmedicCause")
OUTCOME = SearchAttributeKey.for_keyword("PoolmedicOutcome")

ALL = (TARGET, DATABASE, CAUSE, OUTCOME)
