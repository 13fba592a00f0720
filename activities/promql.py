"""PromQL from a profile's templates: configured text gets in as quoted label values and nothing else."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from string import Template

LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_ESCAPES = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\0": r"\x00"}


def quote(value: str) -> str:
    """A label value as a PromQL string that stands for exactly this text.

    Raises ValueError where no such string exists (a lone surrogate has no UTF-8 form).
    """
    value.encode()
    return '"' + "".join(_ESCAPES.get(sign, sign) for sign in value) + '"'


def select(metric: str, labels: Mapping[str, str]) -> str:
    """An instant vector selector; ValueError for a name that PromQL would not read as one."""
    _require_names([metric])
    return f"{metric}{{{','.join(_matchers(labels))}}}"


def select_any(metrics: Sequence[str], labels: Mapping[str, str]) -> str:
    """The same over several metrics at once; each series that is found tells its own name."""
    _require_names(metrics)
    return f"{{{','.join(['__name__=~' + quote('|'.join(metrics)), *_matchers(labels)])}}}"


def _require_names(metrics: Sequence[str]) -> None:
    wrong = [metric for metric in metrics if not METRIC.fullmatch(metric)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is not a metric name")


def _matchers(labels: Mapping[str, str]) -> list[str]:
    wrong = [name for name in labels if not LABEL.fullmatch(name)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is not a label name")
    return [f"{name}={quote(value)}" for name, value in sorted(labels.items())]


def duration(span: timedelta) -> str:
    """A PromQL duration, to the millisecond."""
    return f"{round(span / timedelta(milliseconds=1))}ms"


def fill(template: str, selectors: Mapping[str, str], spans: Mapping[str, timedelta]) -> str:
    """A template with every `$name` replaced; KeyError for a name that is neither selector nor span."""
    return Template(template).substitute(selectors, **{name: duration(span) for name, span in spans.items()})
