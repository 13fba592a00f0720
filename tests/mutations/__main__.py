"""`python -m tests.mutations [PATTERN]`: breaks rows of the runbook's map and guards, and sees tests fail.

Exits with 0 if every mutation was noticed, 1 if one was not, 2 if it was called wrongly.
"""

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.mutations.mutation import GUARDS, RUNBOOK, Mutation, read_mutations
from tests.mutations.tree import Tree, copy_tree
from tests.mutations.trial import Verdict, judge, sound

ROOT = Path(__file__).resolve().parents[2]

type Tell = Callable[[str], object]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """What is to be tried; ends with 2 where that cannot be."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutations",
        description="Does every row of the runbook's map, and every guard, have its test?",
    )
    parser.add_argument(
        "pattern", nargs="?", type=re.compile, default="", help="only rows, files and tests that match it"
    )
    return parser.parse_args(arguments)


def chosen(mutations: Iterable[Mutation], pattern: re.Pattern[str] | str) -> tuple[Mutation, ...]:
    """Those whose row, file or test matches."""
    return tuple(
        each for each in mutations if re.search(pattern, f"{each.row} {each.file} {each.test}") is not None
    )


def try_all(tree: Tree, mutations: tuple[Mutation, ...], tell: Tell) -> tuple[Verdict, ...]:
    """One after the other, with a line for each."""
    tests = {each.test for each in mutations}
    tell(f"{len(mutations)} mutations; first {len(tests)} tests while nothing is broken")
    began = time.monotonic()
    passing = sound(tree, tests)
    tell(f"{len(passing)} of {len(tests)} pass ({time.monotonic() - began:.0f} s)")
    verdicts = []
    for number, mutation in enumerate(mutations, start=1):
        verdict = judge(tree, mutation) if mutation.test in passing else _fails_anyway(mutation)
        tell(f"{number:3}/{len(mutations)} {describe(verdict)}")
        verdicts.append(verdict)
    return tuple(verdicts)


def _fails_anyway(mutation: Mutation) -> Verdict:
    why = "the test does not pass while nothing is broken"
    return Verdict(mutation, is_noticed=False, why=why, seconds=0.0)


def describe(verdict: Verdict) -> str:
    """One line."""
    word, mutation = "noticed" if verdict.is_noticed else "NOT NOTICED", verdict.mutation
    why = f" ({verdict.why})" if verdict.why else ""
    return f"{word:<11} {verdict.seconds:5.1f} s  {mutation.row}  {mutation.test}{why}"


def main(arguments: list[str]) -> int:
    """Try them, and count."""
    every = (*read_mutations(RUNBOOK), *read_mutations(GUARDS))
    mutations = chosen(every, parse_arguments(arguments).pattern)
    if not mutations:
        print("No mutation matches.", file=sys.stderr)
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        copy_tree(ROOT, Path(folder))
        verdicts = try_all(Tree(Path(folder)), mutations, lambda line: print(line, flush=True))
    noticed = sum(verdict.is_noticed for verdict in verdicts)
    print(f"{noticed} of {len(verdicts)} noticed, in {(time.monotonic() - began) / 60:.0f} min")
    return 0 if noticed == len(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
