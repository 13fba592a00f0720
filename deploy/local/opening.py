"""Opens a state folder for one stack: locked, leftovers ended, a keeper on watch."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.local import keeper
from deploy.local import state as states
from deploy.local.ending import end_leftovers
from deploy.local.state import State

ROOT = Path(__file__).resolve().parents[2]
SECONDS_FOR_A_KEEPER = 45.0


@contextlib.contextmanager
def open_state(folder: Path) -> Iterator[State]:
    """The folder, for this process alone; raises StackInUse.

    The keeper of a stack that crashed may still be ending things: its lock is waited for.
    """
    folder = folder.resolve()
    patience = SECONDS_FOR_A_KEEPER if states.last_holder(folder) == keeper.HOLDER else 0
    with contextlib.ExitStack() as closing:
        held = closing.enter_context(states.lock(folder, "stack", patience))
        end_leftovers(folder)
        shutil.rmtree(folder / "logs", ignore_errors=True)
        state = State(folder)
        watcher = _watch(state)
        # The keeper looks for what was forgotten, so the folder has to be free when it is let go.
        closing.callback(watcher.communicate)
        closing.callback(held.close)
        closing.callback(state.close)
        yield state


def _watch(state: State) -> subprocess.Popen[bytes]:
    with (state.logs / "keeper.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "deploy.local.keeper", str(state.folder)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
        )
