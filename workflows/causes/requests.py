"""Whose connections are that look forgotten: a request that has one and is still under way forgot nothing."""

from collections.abc import Collection

from workflows.causes.symptoms import Symptoms
from workflows.wording import counted, listed

_MOST = 0.5
"""From this part on that requests account for, nobody forgot them."""
_SOME = 0.25
"""From this part on it is not certain of all; a few requests are always under way without a connection."""


def are_under_way(symptoms: Symptoms, names: Collection[str], held: int) -> bool:
    """Whether requests account for at least half of so many connections that stand still there."""
    return _share(symptoms, names, held) >= _MOST


def may_be_under_way(symptoms: Symptoms, names: Collection[str], held: int) -> bool:
    """Whether they account for some of them."""
    return _share(symptoms, names, held) > _SOME


def describe_requests(symptoms: Symptoms, names: Collection[str], held: int) -> str:
    """What is known of them, in numbers."""
    abandoned, checked_out = symptoms.abandoned(names), symptoms.checked_out(names)
    covered = f"all but {abandoned} of the {checked_out}" if abandoned else f"all {checked_out}"
    return (
        f"{counted(held, 'connection')} stand still on {listed(names)}, while requests are under way "
        f"that account for {covered} checked out."
    )


def _share(symptoms: Symptoms, names: Collection[str], held: int) -> float:
    abandoned = symptoms.abandoned(names)
    return 0.0 if abandoned is None or held <= 0 else max(held - abandoned, 0) / held
