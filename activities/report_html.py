"""The report as a page that needs nothing else: the Markdown's own content, and the plot of the pools.

There is one template, that of the Markdown, whose escaping keeps every text a text. It is turned into HTML
by a parser that knows no raw HTML, so nothing that anybody wrote can become markup here that was none there.
"""

from collections.abc import Mapping
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt

from activities.curves import Curves
from activities.marks import Frame
from activities.plot import COLOURS, draw
from activities.profiles.profile import Profile
from activities.report_parts import headline
from activities.report_text import render as render_markdown
from workflows.models.report import Report
from workflows.models.text import clean
from workflows.wording import percent

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")


class Figure(NamedTuple):
    """The plot, or why there is none."""

    frame: Frame
    curves: Curves | None
    why_not: str = ""


def render(report: Report, figure: Figure, profiles: Mapping[str, Profile] | None = None) -> str:
    """The whole page."""
    body = _PARSER.render(render_markdown(report, profiles))
    # The plot stands where the first section begins: after how it ended and what happened.
    opening, first, rest = body.partition("<h2>")
    curves, shown = figure.curves or Curves({}, {}), figure.frame
    return _PAGE.render(
        title=clean(f"{report.target}: {headline(report)}"),
        opening=opening,
        sections=first + rest,
        plot=draw(curves, shown) if curves.lines else "",
        why_not=figure.why_not,
        legend=[(name, place % COLOURS, place >= COLOURS) for place, name in enumerate(curves.lines)],
        exhausted=percent(shown.exhausted),
        recovered=percent(shown.recovered),
        missing=curves.missing,
        marks=[(f"{mark.at:%H:%M:%S}", mark.text) for mark in shown.marks],
    )


def _text(value: object) -> str:
    return clean(str(value), 300)


_ENVIRONMENT = Environment(
    loader=PackageLoader("activities"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.filters["text"] = _text
_PAGE = _ENVIRONMENT.get_template("report.html.j2")
