"""A mutation: one plausible bug that breaks what a row of a page promises, and who notices.

The pages are docs/runbook.md and the table of guards in docs/guarantees.md.
"""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

RUNBOOK, GUARDS = (Path(__file__).parent / name for name in ("runbook.yaml", "guards.yaml"))


class Misplaced(Exception):
    """What is to be replaced does not stand there exactly once: the file has changed since."""


class Mutation(BaseModel):
    """The row by its part and its first cell, the bug, and the test that has to fail by it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: str
    runbook: str = ""
    rule: str = ""
    """The first cell of the table of guards: given instead of `runbook`."""
    file: str
    find: str
    replace: str
    test: str

    @property
    def row(self) -> str:
        """As people read it."""
        return f"{self.part}: {self.runbook or self.rule}"

    def applied_to(self, text: str) -> str:
        """The file's text with the bug in it; raises Misplaced."""
        if (found := text.count(self.find)) != 1:
            raise Misplaced(f"{self.file} has what is to be replaced {found} times: {self.find}")
        return text.replace(self.find, self.replace)


def read_mutations(file: Path) -> tuple[Mutation, ...]:
    """In the order of the page; raises pydantic's ValidationError."""
    return TypeAdapter(tuple[Mutation, ...]).validate_python(yaml.safe_load(file.read_text()))
