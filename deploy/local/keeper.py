"""Waits for its parent's end, whatever the way, and ends what that parent left.

``python -m deploy.local.keeper FOLDER`` runs in a session of its own and reads a pipe that
only the parent writes to. After an orderly end it finds nothing and leaves; after SIGKILL it does
what the parent could not.
"""

from __future__ import annotations

import sys
from pathlib import Path

from deploy.local import state
from deploy.local.ending import end_leftovers
from deploy.local.errors import StackInUse

HOLDER = "keeper"
SECONDS_FOR_THE_LOCK = 5.0


def main() -> int:
    folder = Path(sys.argv[1])
    sys.stdin.buffer.read()
    try:
        held = state.lock(folder, HOLDER, SECONDS_FOR_THE_LOCK)
    except StackInUse:
        # A successor holds the folder, and it has ended the leftovers before anything else.
        return 0
    with held:
        for name in end_leftovers(folder):
            print(f"ended {name}, left behind by its parent", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
