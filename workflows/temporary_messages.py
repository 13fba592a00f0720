"""What people and the incident may say to a temporary size, and what it answers."""

from typing import Any

from pydantic import ValidationError
from temporalio import workflow

from workflows import patches, wishes
from workflows.approval import UnreadableAnswer, read_name
from workflows.markdown import escape
from workflows.models.approval import Channel
from workflows.models.change import Change, Doubt, Said, Wish


class TemporaryMessages:
    """Signals, update and query. Handlers set state, which the run looks at; no payload can stop it."""

    def __init__(self, change: Change) -> None:
        self.until = change.until
        self.kept_by = ""
        self.ended_by = ""
        self._lasts = change.act.lasts
        self._heard = 0
        self._doubt = change.doubt
        self._said = change.said
        self._ends = ""
        self._rules = change.case.policy.approval

    @workflow.query
    def state(self) -> tuple[Said, ...]:
        """What people said, counted or not, the oldest first."""
        return self._said

    @workflow.signal
    def keep(self, *payloads: Any) -> None:
        """A person makes it permanent: `{"by": name}`."""
        self._hear(Wish.KEEP, payloads)

    @workflow.signal
    def end(self, *payloads: Any) -> None:
        """A person ends it now: `{"by": name}`."""
        self._hear(Wish.END, payloads)

    @workflow.signal
    def extend(self, *payloads: Any) -> None:
        """A person gives it the same time again: `{"by": name}`."""
        self._hear(Wish.EXTEND, payloads)

    @workflow.update
    def decide(self, *payloads: Any) -> Said:
        """The same by command: `{"wish": "keep", "by": name}`; the answer says whether it counts."""
        wish, by = wishes.read_wish(payloads)
        return self._take(wish, by, Channel.UPDATE)

    @decide.validator
    def _is_readable(self, *payloads: Any) -> None:
        wishes.read_wish(payloads)

    @workflow.signal
    def doubt(self, *payloads: Any) -> None:
        """The incident does not know whether its act changed anything (`Doubt`)."""
        if not workflow.patched("doubted-sizes-are-looked-at"):
            return  # a worker of an earlier version passed it over
        try:
            self._doubt = Doubt.model_validate(*payloads)
        except (ValidationError, TypeError):
            workflow.logger.warning("a doubt could not be read")

    def _hear(self, wish: Wish, payloads: tuple[Any, ...]) -> None:
        try:
            by = read_name(payloads)
        except UnreadableAnswer as error:
            workflow.logger.warning("signal not understood: %s", error)
            return
        self._take(wish, by, Channel.SIGNAL)

    def _take(self, wish: Wish, by: str, channel: Channel) -> Said:
        said = wishes.judge(wish, by, channel, self._rules, self._said, workflow.now())
        is_heeded = said.accepted and said.is_final
        if not is_heeded and not patches.wishes_are_judged():
            said, is_heeded = wishes.obeyed(said, channel), True
        self._said = wishes.kept((*self._said, said))
        if is_heeded:
            self._heed(wish, by)
        self._show(self._ends)
        return said

    def _heed(self, wish: Wish, by: str) -> None:
        if wish is Wish.KEEP:
            self.kept_by = by
            return
        self._heard += 1
        if wish is Wish.END:
            self.ended_by = by
        else:
            self.until = max(self.until, workflow.now()) + self._lasts

    def _show(self, ends: str) -> None:
        """In the Temporal UI: when it ends, and what people said."""
        self._ends = ends
        said = [f"- {escape(line)}" for line in wishes.describe(self._said)]
        workflow.set_current_details("\n".join([ends, "", *said] if said else [ends]))
