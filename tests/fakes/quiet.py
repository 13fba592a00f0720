"""A silence in the simulated Alertmanager: for whichever alert has the labels that it asks for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """What a silence asks of one label."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """As Alertmanager: a label that is missing is empty, and an expression is for the whole value."""
        value = labels.get(self.name, "")
        is_so = bool(re.fullmatch(self.value, value)) if self.is_regex else value == self.value
        return is_so is self.is_equal


@dataclass(frozen=True)
class Quiet:
    """What is told of a silence, and what it is for."""

    told: str
    asked: tuple[Asked, ...]

    def is_for(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels is silenced."""
        return all(each.accepts(labels) for each in self.asked)
