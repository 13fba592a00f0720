"""Verdicts on a quiet window, each part of it replaceable."""

from datetime import timedelta
from typing import Any

from tests.unit import scenes
from tests.unit.scenes import NOW, known, page, policy, pool, target
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Target
from workflows.models.verdict import Criterion, InstanceWindow, State, Verdict, WindowReading
from workflows.verification import verify

SINCE = NOW - timedelta(minutes=5)
MS = timedelta(milliseconds=1)
NAN = known(float("nan"))
R, N, I = State.RECOVERED, State.NOT_RECOVERED, State.INCONCLUSIVE  # noqa: E741


def seen(**changes: Any) -> InstanceWindow:
    """Five quiet minutes of one instance."""
    fields = {
        "samples": 20,
        "first_at": SINCE + timedelta(seconds=5),
        "last_at": NOW - timedelta(seconds=5),
        "longest_gap_seconds": 15.0,
        "utilization_max": 0.41,
        "wait_p95_max": known(0.004),
        "timeouts": known(0.0),
        "errors_503": known(0.0),
        **changes,
    }
    return InstanceWindow.model_validate(fields)


def window(*instances: InstanceWindow | Unavailable, **changes: Any) -> Known[WindowReading]:
    """web-1, web-2, ... over the window, with traffic as usual."""
    fields = {
        "since": SINCE,
        "until": NOW,
        "instances": {
            f"web-{number}": each if isinstance(each, Unavailable) else known(each)
            for number, each in enumerate(instances, 1)
        },
        "request_rate": known(50.0),
        "usual_rate": known(50.0),
        "alert_firing": known(False),
        **changes,
    }
    return known(WindowReading.model_validate(fields))


QUIET = window(seen())
ANSWERS = scenes.application(page(pool(4)))


def judge(found: Any = QUIET, pages: Any = ANSWERS, subject: Target | None = None, **changes: Any) -> Verdict:
    """The verdict on web-1, or another subject; keywords replace a fact."""
    facts: dict[str, Any] = {"since": SINCE, "now": NOW, **changes}
    rules = facts.pop("rules", policy())
    return verify(found, pages, subject or target(), rules, **facts)


def criterion(verdict: Verdict, name: str) -> Criterion:
    """The one of that name."""
    return next(each for each in verdict.criteria if each.name == name)
