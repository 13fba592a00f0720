"""One workflow per database server: permits for acts, promised slots, pause.

Durable, and no list that could lag behind: what was granted or told here is known here.
"""

from typing import Any

from pydantic import ValidationError
from temporalio import workflow

from workflows import ledger as books
from workflows.markdown import escape
from workflows.models.base import Model
from workflows.models.permit import Ledger, Order, PermitAnswer, PermitRequest, Promised, Release, Stop
from workflows.naming import DATABASE_WORKFLOW
from workflows.patches import lost_leases_in_this_run


@workflow.defn(name=DATABASE_WORKFLOW)
class Database:
    """Answers for as long as the server is used; begins a new run where its history grows long.

    It never fails: what a worker of another version cannot read waits for one that can, and nobody acts.
    """

    @workflow.init
    def __init__(self, opening: Ledger) -> None:
        self.ledger = opening

    @workflow.run
    async def run(self, opening: Ledger) -> None:  # noqa: ARG002 - the constructor has it
        """Until the history is long."""
        await workflow.wait_condition(self._should_begin_anew)
        workflow.continue_as_new(self.state())

    @workflow.query
    def state(self) -> Ledger:
        """What is known now."""
        return books.forget(self.ledger, workflow.now())

    @workflow.update
    def permit(self, *payloads: Any) -> PermitAnswer:
        """Whether the act may be done now."""
        request = PermitRequest.model_validate(*payloads)
        ledger, answer = books.grant(lost_leases_in_this_run(self.ledger), request, workflow.now())
        self._keep(ledger)
        return answer

    @permit.validator
    def _is_request(self, *payloads: Any) -> None:
        PermitRequest.model_validate(*payloads)

    @workflow.signal
    def pause(self, *payloads: Any) -> None:
        """A person wants no act from now on; one that is under way is not taken back."""
        order = _read(Order, payloads) or _UNREADABLE_PAUSE
        now = workflow.now()
        ledger = books.pause(self.ledger, Stop(**order.model_dump(), at=now))
        self._keep(books.note(ledger, order, now, is_pause=True))

    @workflow.signal
    def resume(self, *payloads: Any) -> None:
        """A person allows acts again."""
        if order := _read(Order, payloads):
            ledger = books.resume(self.ledger, order.target)
            self._keep(books.note(ledger, order, workflow.now(), is_pause=False))

    @workflow.signal
    def release(self, *payloads: Any) -> None:
        """An act is over."""
        if over := _read(Release, payloads):
            self._keep(books.release(self.ledger, over, workflow.now()))

    @workflow.signal
    def promise(self, *payloads: Any) -> None:
        """A target's enlarged pools need their slots for longer, or no more."""
        if told := _read(Promised, payloads):
            self._keep(books.promise(self.ledger, told.target, told.until))

    def _should_begin_anew(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() and workflow.all_handlers_finished()

    def _keep(self, ledger: Ledger) -> None:
        """And show it in the Temporal UI."""
        self.ledger = books.forget(ledger, workflow.now())
        lines = [*books.describe(self.ledger), *(f"ordered: {each}" for each in books.orders(self.ledger))]
        workflow.set_current_details("\n".join(f"- {escape(line)}" for line in lines))


_UNREADABLE_PAUSE = Order(by="unknown", why="a pause that could not be read; who meant it may say it again")
"""In doubt nothing is done, on any target."""


def _read[M: Model](model: type[M], payloads: tuple[Any, ...]) -> M | None:
    """What a signal said. One that cannot be read must not stop the workflow: a lease ends by itself."""
    try:
        return model.model_validate(*payloads)
    except (ValidationError, TypeError):
        workflow.logger.warning("a signal could not be read")
        return None
