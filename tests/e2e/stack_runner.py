"""Runs a stack until it is ended: `python -m tests.e2e.stack_runner FOLDER`; says what runs, as JSON."""

import asyncio
import json
import signal
import sys
from pathlib import Path

from deploy.local import stack


async def main() -> None:
    async with stack.run(
        Path(sys.argv[1]), stack.Settings(name=f"runner-{Path(sys.argv[1]).name}")
    ) as running:
        sys.stdout.write(json.dumps({"engine": running.engine.address}) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    # Whatever was begun in the background of a shell ignores it, and so would this.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio.run(main())
