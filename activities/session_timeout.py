"""Sets a role's timeout for idle transactions, then ends the sessions that began without it."""

from collections.abc import Callable

from activities.beating import stop_if_given_up
from activities.termination import Tell, Wave
from activities.warm_connection import WarmConnection, fetch, fetch_value
from workflows.errors import PoolmedicError, PreconditionGone, SourceUnavailable
from workflows.models.outcome import Outcome, OutcomeStatus, Touched
from workflows.models.plan import SessionTimeout
from workflows.wording import span

_SETTING = "idle_in_transaction_session_timeout"


async def set_timeout(connection: WarmConnection, act: SessionTimeout, tell: Tell) -> Outcome:
    """The setting first, or its sessions would be followed by others without it.

    Raises PreconditionGone, nothing touched, where something else is set than was seen.
    """
    asked = _touched(act, "asked for; no answer heard")
    try:
        is_set = await _set(connection, act, lambda: tell((asked,)))
    except SourceUnavailable as exc:
        return Outcome(status=OutcomeStatus.UNKNOWN, touched=(asked,), detail=exc.message)
    except PoolmedicError as exc:
        return Outcome(status=OutcomeStatus.FAILED, touched=(asked,), detail=exc.message)
    if not is_set:
        raise PreconditionGone(
            f"{_SETTING} of {act.role} in {act.dbname} is not {act.before or 'unset'} any more, or may not "
            "be set for this role; nothing was touched"
        )
    done = _touched(
        act, f"{_SETTING} set to {span(act.timeout)} (before: {act.before or 'nothing there'})", changed=True
    )
    tell((done,))
    wave = await Wave(connection, act.sessions, lambda touched: tell((done, *touched))).run()
    is_whole = wave.status is OutcomeStatus.DONE
    return Outcome(
        status=OutcomeStatus.DONE if is_whole else OutcomeStatus.PARTLY,
        touched=(done, *wave.touched),
        detail=f"{done.result}; {wave.detail}",
    )


async def _set(connection: WarmConnection, act: SessionTimeout, tell: Callable[[], None]) -> bool:
    milliseconds = round(act.timeout.total_seconds() * 1000)
    async with connection.lend() as lent, lent.transaction():
        await fetch(lent, "read_write")
        stop_if_given_up()
        tell()
        return bool(await fetch_value(lent, "timeout", act.role, milliseconds, act.before))


def _touched(act: SessionTimeout, result: str, *, changed: bool = False) -> Touched:
    return Touched(what=f"role {act.role} in {act.dbname}", changed=changed, result=result)
