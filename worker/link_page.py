"""What the pages behind signed links share: how they are served, filled in, and refused."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from fastapi import FastAPI, status
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from prometheus_client import Counter

from activities.signed_link import LinkRefused
from worker.errors import WorkerError
from worker.seldom import Seldom
from workflows.models.text import clean

_LONGEST = 2000


def _printable(value: object) -> object:
    """Escaping leaves what turns the direction of writing; it must not turn what somebody is to approve."""
    return clean(value, _LONGEST) if isinstance(value, str) and not isinstance(value, Markup) else value


_templates = Environment(
    loader=PackageLoader("worker"),
    autoescape=True,
    trim_blocks=True,
    undefined=StrictUndefined,
    finalize=_printable,
)

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The page, or what became of the answer."},
    403: {"description": "The link is altered, too old, or signed by nobody who may. Nothing was done."},
    408: {"description": "The form did not arrive in time. Nothing was done."},
    409: {"description": "The answer does not count, and the page says why."},
    410: {"description": "The incident, or what the link is for, is over. Nothing was done."},
    413: {"description": "The form is too large. Nothing was done."},
    422: {"description": "The form lacks what is asked. Nothing was done."},
    429: {"description": "The link was used too often. Nothing was done."},
    503: {"description": "Temporal does not answer, or the incident cannot be read: try again."},
}
type Answer = Callable[..., Awaitable[HTMLResponse]]


class LinkPage:
    """One kind of page; `blank` are the values of its template that need not be given."""

    def __init__(self, template: str, blank: Mapping[str, Any], refused: Counter, log: str) -> None:
        self._template = _templates.get_template(template)
        self._blank, self._refused = dict(blank), refused
        self._log = structlog.get_logger(log)
        self._seldom = Seldom()

    def serve_on(self, app: FastAPI, path: str, *, show: Answer, take: Answer) -> None:
        """Add the page, and what its buttons do; the link itself is the permission."""
        for method, answer in (("GET", show), ("POST", take)):
            app.add_api_route(
                path + "/{token}",
                answer,
                methods=[method],
                response_class=HTMLResponse,
                tags=["links"],
                responses=_ANSWERS,
            )

    def render(self, code: int, **shown: Any) -> HTMLResponse:  # noqa: ANN401 - values of the page
        """The page with these values."""
        return HTMLResponse(self._template.render(self._blank | shown), code)

    def refuse(self, refusal: LinkRefused) -> HTMLResponse:
        """Counted, and written down: somebody came with a link that is none."""
        self._refused.inc()
        self._warn("link refused", refusal)
        return self.render(status.HTTP_403_FORBIDDEN, problem=f"{refusal} Nothing was done.")

    def fail(self, failure: WorkerError, told: str, **shown: Any) -> HTMLResponse:  # noqa: ANN401 - as above
        """503 with that sentence; what failed inside is for the log alone."""
        self._warn("link not served", failure)
        return self.render(status.HTTP_503_SERVICE_UNAVAILABLE, problem=told, **shown)

    def _warn(self, event: str, why: Exception) -> None:
        if (others := self._seldom.passed_over(event)) is not None:
            self._log.warning(event, reason=str(why), others=others)
