"""The entry point `poolmedic`: failures become one message and an exit code, never a traceback."""

import os
import sys

import structlog

from worker.cli import app
from worker.errors import WorkerError
from worker.terminal import complain

_log = structlog.get_logger("poolmedic")


def main() -> None:
    """Run the command line; 0: done, 1: it failed, 2: it was asked wrongly."""
    code = run(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # After a Temporal client the interpreter's own end sometimes dies by SIGSEGV.
    os._exit(code)


def run(arguments: list[str]) -> int:
    """The exit code of the command with these arguments."""
    try:
        app(arguments, prog_name="poolmedic")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except WorkerError as error:
        complain(str(error))
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last edge: a person reads it
        _log.debug("failed", exc_info=error)
        complain(f"{type(error).__name__}: {error}; POOLMEDIC_LOG_LEVEL=debug shows where")
        return 1
    return 0


if __name__ == "__main__":
    main()
