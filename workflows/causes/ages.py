"""How long a session must have stood still before it says something: by the policy and by hold times."""

from datetime import timedelta

from workflows.causes.symptoms import Symptoms
from workflows.wording import span

_LONGEST = 86_400.0
"""Seconds: the longest a person would wait; an absurd measurement must not overflow the arithmetic."""


def honest_hold(symptoms: Symptoms) -> timedelta:
    """Several times what connections are held usually, or now: handlers may be waiting for somebody slow."""
    hold = max(symptoms.usual_hold or 0.0, symptoms.hold_now or 0.0)
    return timedelta(seconds=min(symptoms.policy.thresholds.leak_hold_factor * hold, _LONGEST))


def leak_age(symptoms: Symptoms) -> timedelta:
    """Idle for so long, a transaction is forgotten: the policy's age, or several hold times."""
    return _at_least(symptoms.policy.thresholds.leak_age, symptoms)


def idle_leak_age(symptoms: Symptoms) -> timedelta:
    """Plain idle for so long, a connection that is checked out is forgotten."""
    return _at_least(symptoms.policy.thresholds.idle_leak_age, symptoms)


def suspect_age(symptoms: Symptoms) -> timedelta:
    """Idle for so long, in a transaction or outside, a session is worth another look."""
    return max(symptoms.policy.thresholds.suspect_age, honest_hold(symptoms))


def hold_age(symptoms: Symptoms) -> timedelta:
    """Idle for so long, a request does something else: longer than it usually takes in all."""
    thresholds = symptoms.policy.thresholds
    usual = min(thresholds.hold_factor * (symptoms.usual_hold or 0.0), _LONGEST)
    return max(thresholds.hold_age, timedelta(seconds=usual))


def describe_age(symptoms: Symptoms, age: timedelta) -> str:
    """What counts as forgotten here, and by what."""
    factor = symptoms.policy.thresholds.leak_hold_factor
    basis = (
        "the usual hold time is not known"
        if symptoms.usual_hold is None
        else f"{factor:g} times the longer hold time, usual or now, is {span(honest_hold(symptoms))}"
    )
    return f"Forgotten means idle for more than {span(age)}; {basis}."


def _at_least(age: timedelta, symptoms: Symptoms) -> timedelta:
    if symptoms.usual_hold is None:
        age = max(age, symptoms.policy.thresholds.leak_age_without_usual)
    return max(age, honest_hold(symptoms))
