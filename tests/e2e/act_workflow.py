"""A workflow of one act, as an incident asks for it and hears of it."""

from temporalio import workflow

from workflows.effects import Effects
from workflows.models.alert import Case
from workflows.models.outcome import Outcome
from workflows.models.plan import Act


@workflow.defn
class OneAct:
    """Tells the outcome."""

    @workflow.run
    async def run(self, case: Case, act: Act) -> Outcome:
        """One attempt."""
        return await Effects(case).act(act, "a test")
