"""Lines over time as an SVG, with marked moments. Pure; every text is escaped."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from math import ceil

from activities.curves import Curves
from activities.marks import Frame
from activities.series import MISSED_SCRAPES, Sample, Samples, usual_pause
from workflows.models.text import clean
from workflows.wording import listed

WIDTH, HEIGHT = 960, 320
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 44, 28
COLOURS = 8
"""Instances beyond them share colours, with dashes."""
_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_MOST_TICKS = 9
_MARK = 9.0
"""Radius of a mark's number."""
_MOST_ROWS = int((HEIGHT - BOTTOM - TOP) // (2 * _MARK + 2))


def draw(curves: Curves, frame: Frame) -> str:
    """The whole picture. Times are UTC, as everywhere in a report."""
    scale = _Scale(frame)
    parts = [*_grid(), *_times(scale), *_phases(scale), *_limits(frame)]
    for place, (name, samples) in enumerate(curves.lines.items()):
        parts += _line(scale, place, name, samples)
    parts += _marks(scale)
    about = _text(f"Utilization of {listed(curves.lines)}, {_span_of(frame)}")
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{about}">'
    return "\n".join([head, *parts, "</svg>"])


class _Scale:
    """From time and share to places in the picture."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.begin, self.end = frame.since.timestamp(), max(frame.until, frame.since).timestamp()
        self._width = max(self.end - self.begin, 1.0)

    def x(self, at: float) -> float:
        inside = min(max(at, self.begin), self.end)
        return LEFT + (inside - self.begin) / self._width * (WIDTH - LEFT - RIGHT)


def _text(text: str) -> str:
    return escape(clean(text))


def _y(share: float) -> float:
    return TOP + (1 - min(max(share, 0.0), 1.0)) * (HEIGHT - TOP - BOTTOM)


def _span_of(frame: Frame) -> str:
    return f"{frame.since:%Y-%m-%d %H:%M:%S} to {frame.until:%Y-%m-%d %H:%M:%S} UTC"


def _grid() -> Iterator[str]:
    for quarter in range(5):
        y = _y(quarter / 4)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        yield f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{quarter * 25} %</text>'


def _times(scale: _Scale) -> Iterator[str]:
    length = scale.end - scale.begin
    step = next((each for each in _TICKS if length / each < _MOST_TICKS), ceil(length / _MOST_TICKS))
    shown = "%H:%M:%S" if step < 60 else "%H:%M" if length < 86400 else "%m-%d %H:%M"
    at = ceil(scale.begin / step) * step
    while at <= scale.end:
        x = scale.x(at)
        yield f'<path class="grid" d="M{x:.1f} {HEIGHT - BOTTOM}v5"/>'
        told = datetime.fromtimestamp(at, UTC).strftime(shown)
        yield f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{told}</text>'
        at += step


def _phases(scale: _Scale) -> Iterator[str]:
    """From the alert until the pool was free, or to the end where it never was."""
    frame = scale.frame
    begin = scale.x(frame.opened_at.timestamp())
    end = scale.x((frame.healed_at or frame.until).timestamp())
    height = HEIGHT - TOP - BOTTOM
    yield f'<rect class="bad" x="{begin:.1f}" y="{TOP}" width="{max(end - begin, 1):.1f}" height="{height}"/>'


def _limits(frame: Frame) -> Iterator[str]:
    for share, name in ((frame.exhausted, "exhausted"), (frame.recovered, "recovered")):
        y = _y(share)
        yield f'<path class="limit {name}" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'


def _line(scale: _Scale, place: int, name: str, samples: Samples) -> Iterator[str]:
    dashes = f' stroke-dasharray="{3 + place // COLOURS} 3"' if place >= COLOURS else ""
    for stretch in _stretches(samples):
        points = " ".join(f"{scale.x(each.at):.1f},{_y(each.value):.1f}" for each in stretch)
        if len(stretch) == 1:
            points += f" {scale.x(stretch[0].at) + 1:.1f},{_y(stretch[0].value):.1f}"
        yield (
            f'<polyline class="line c{place % COLOURS}"{dashes} points="{points}">'
            f"<title>{_text(name)}</title></polyline>"
        )


def _stretches(samples: Samples) -> Iterator[Sequence[Sample]]:
    """Without what nobody measured in between: a hole is a hole."""
    patience = MISSED_SCRAPES * (usual_pause([each.at for each in samples]) or 0.0)
    begin = 0
    for place, (before, after) in enumerate(pairwise(samples), 1):
        if after.at - before.at > patience:
            yield samples[begin:place]
            begin = place
    yield samples[begin:]


def _marks(scale: _Scale) -> Iterator[str]:
    """Numbered as in the list below the picture; those close together stand in rows, and stay legible."""
    ends: list[float] = []
    for number, mark in enumerate(scale.frame.marks, 1):
        x = scale.x(mark.at.timestamp())
        row = next((row for row, end in enumerate(ends) if x - _MARK > end), len(ends))
        ends[row : row + 1] = [x + _MARK]
        y = TOP - _MARK - 2 + row % _MOST_ROWS * (2 * _MARK + 2)
        yield f'<path class="mark" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>'
        yield f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="{_MARK}"/>'
        yield f'<text class="number" x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{number}</text>'
