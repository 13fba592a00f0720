"""`make demo`: breaks a real application's pool and lets poolmedic heal it, while a person watches.

Exits with 0 only if the incident ended as the scenario must, judged from outside; 1 if it did not, 2 if the
demo was called wrongly, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from deploy.demo.lines import Lines
from deploy.demo.live import Terminal
from deploy.demo.narration import Narrator
from deploy.demo.scenario import SCENARIOS
from deploy.demo.show import Show
from deploy.demo.times import COMPRESSED, RUNBOOK, Times
from deploy.local.errors import StackError

ROOT = Path(__file__).resolve().parents[2]
INTERRUPTED = 130
WIDTH_OF_LOGS = 130


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """What the person asked for; ends with 2 where that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description="Break a pool; see it healed.")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="leak")
    parser.add_argument("--realtime", action="store_true", help="the runbook's own times")
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    return parser.parse_args(arguments)


def run(arguments: argparse.Namespace) -> int:
    """Show it; failures are told in a sentence."""
    scenario = SCENARIOS[arguments.scenario]
    times = (RUNBOOK if arguments.realtime else COMPRESSED).model_copy(update=dict(scenario.times))
    console = Console(highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console.width = WIDTH_OF_LOGS
    try:
        with _narrator(times, console) as narrator:
            folder = ROOT / "var" / "demo" / scenario.name
            show = Show(scenario, times, folder, narrator, console, keeps=arguments.keep)
            return 0 if asyncio.run(show.run()) else 1
    except StackError as failure:
        console.print(str(failure), style="red", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted; everything that was started has ended.")
        return INTERRUPTED


@contextlib.contextmanager
def _narrator(times: Times, console: Console) -> Iterator[Narrator]:
    if not (console.is_terminal and sys.stdin.isatty()):
        yield Lines(times)
        return
    with Terminal(times, console) as narrator:
        yield narrator


def main() -> None:
    code = run(parse_arguments(sys.argv[1:]))
    sys.stdout.flush()
    sys.stderr.flush()
    # After a Temporal client the interpreter's own end sometimes dies by SIGSEGV.
    os._exit(code)


if __name__ == "__main__":
    main()
