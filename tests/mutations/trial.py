"""Trying tests: whether one failed because of what it asserts, and nothing else."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutations.mutation import Misplaced, Mutation
from tests.mutations.tree import Tree

SECONDS = 300.0
"""That one test may take."""
SECONDS_TO_END = 30.0
"""For its servers to be stopped, when it took too long."""
TESTS_FAILED = 1
"""pytest's exit code where tests were run and some failed; all others mean that nothing was proven."""
_OPTIONS = ("-q", "-p", "no:xdist", "-p", "no:cacheprovider")
_TOLD = re.compile(r"^(PASSED|FAILED|ERROR) (tests/\S+?\.py::[^\s\[]+)", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """What pytest said; `code` is None where it did not end in time."""

    code: int | None
    said: str
    seconds: float

    def tests(self, *words: str) -> set[str]:
        """Those of which it said one of these words, without parameters."""
        return {test for word, test in _TOLD.findall(self.said) if word in words}


@dataclass(frozen=True)
class Verdict:
    """Whether a mutation was noticed by its test; `why` where it was not."""

    mutation: Mutation
    is_noticed: bool
    why: str
    seconds: float


def sound(tree: Tree, tests: Collection[str]) -> set[str]:
    """Those that pass while nothing is broken: one that fails anyway proves nothing."""
    answer = _ask(tree.folder, ["-rpfE", *sorted(tests)], SECONDS * len(tests))
    return answer.tests("PASSED") - answer.tests("FAILED", "ERROR")


def judge(tree: Tree, mutation: Mutation) -> Verdict:
    """Break it, ask its test, mend it."""
    try:
        with tree.broken(mutation):
            answer = _ask(tree.folder, ["-x", "-rfE", mutation.test], SECONDS)
    except Misplaced as misplaced:
        return Verdict(mutation, is_noticed=False, why=str(misplaced), seconds=0.0)
    why = _why_not(answer, mutation)
    return Verdict(mutation, is_noticed=not why, why=why, seconds=answer.seconds)


def _why_not(answer: Answer, mutation: Mutation) -> str:
    """Empty where the test failed, and by itself."""
    if answer.code is None:
        return f"the test did not end within {SECONDS:.0f} s"
    if answer.code == 0:
        return "the test passes all the same"
    if answer.code != TESTS_FAILED or mutation.test not in answer.tests("FAILED", "ERROR"):
        last = answer.said.strip().rpartition("\n")[2]
        return f"it was not the test that failed (pytest ended with {answer.code}: {last})"
    return ""


def _ask(folder: Path, arguments: list[str], seconds: float) -> Answer:
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        command = [sys.executable, "-m", "pytest", *_OPTIONS, *arguments]
        process = subprocess.Popen(
            command,
            cwd=folder,
            # An installed project leads elsewhere.
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_hear_interrupts,
        )
        with _ended(process):
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = None
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    return Answer(code, said, time.monotonic() - began)


def _hear_interrupts() -> None:
    """Whatever is started from a job in the background of a shell ignores them, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Whatever happens, it does not outlive this; first it is asked, so that it stops its servers."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
