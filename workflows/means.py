"""What an option needs of a target and its surroundings, whatever is wrong with the pool. Pure."""

from collections.abc import Mapping

from workflows.models.evidence import ServerReading
from workflows.models.policy import Option
from workflows.models.target import Target


def lacking_for(
    option: Option, target: Target, server: ServerReading | None, barred: Mapping[Option, str]
) -> str | None:
    """Why it cannot be done here, in the words of a plan that leaves it out; None where nothing is known.

    `server` has our rights; None where it could not be read. `barred` is what the containers' runtime bars.
    """
    if option is Option.INDEX:
        no_login = "the configuration names no login that may (database.index_dsn)"
        return no_login if target.database.index_dsn is None else None
    if option is Option.RESIZE and target.reload is None:
        return "the configuration does not say how the application takes a new size (reload)"
    if option in (Option.RESIZE, Option.RESTART):
        return barred.get(option)
    if target.database.transaction_pooler:
        return "behind a transaction pooler a session belongs to nobody in particular"
    return _refused(option, server, target.database.role) if server else None


def _refused(option: Option, server: ServerReading, role: str) -> str | None:
    may, what = {
        Option.TERMINATE: (server.can_terminate, f"end sessions of {role}"),
        Option.CANCEL: (server.can_cancel, f"cancel statements of {role}"),
        Option.SESSION_TIMEOUT: (server.can_set_timeout and server.can_terminate, f"set it for {role}"),
    }[option]
    return None if may else f"the server does not let poolmedic {what}"
