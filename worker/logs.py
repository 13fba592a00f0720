"""Logs of everything in the process, ours and the libraries', as one stream on standard error."""

import io
import json
import logging
import sys
from collections.abc import Iterable
from typing import Literal, TextIO

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, ExcInfo, WrappedLogger

from worker.secret import sent_logins
from worker.terminal import visible
from workflows.errors import PoolmedicError

SHORTEST_SECRET = 6


def _add_trace(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """By which a line is found from its trace, and the trace from the line."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        line["trace_id"] = trace.format_trace_id(context.trace_id)
        line["span_id"] = trace.format_span_id(context.span_id)
    return line


_shared: tuple[structlog.typing.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    _add_trace,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


class Redaction:
    """Blots known secrets out of finished lines, whatever library wrote them."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()

    def know(self, secrets: Iterable[str]) -> None:
        """From now on, never write these, nor an address's login as HTTP sends it.

        Very short ones are left alone: they would blot out words.
        """
        told = (form for secret in secrets for form in (secret, *sent_logins(secret)))
        long = (secret for secret in told if len(secret) >= SHORTEST_SECRET)
        known = {*self._secrets, *(form for secret in long for form in _forms(secret))}
        self._secrets = tuple(sorted(known, key=len, reverse=True))

    def __call__(self, _logger: WrappedLogger, _method: str, line: EventDict | str) -> str:
        """The line without them; it stands behind the renderer, so a line is what comes."""
        return self.blot(str(line))

    def blot(self, text: str) -> str:
        """The text with stars for every known secret."""
        for secret in self._secrets:
            text = text.replace(secret, "**********")
        return text


def _forms(secret: str) -> set[str]:
    """As it is, as JSON and as Python write it within quotes, and so once more: a line quotes what quotes."""
    once = {secret, *_quoted(secret)}
    return once.union(*map(_quoted, once))


def _quoted(text: str) -> set[str]:
    # Beside a double quote Python quotes with single ones, and escapes those within.
    python = (repr(text)[1:-1], repr(f'"{text}')[2:-1])
    return {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], *python}


def start_logging(level: str, style: Literal["console", "json"]) -> Redaction:
    """Set up logging for the process; the result is to be told every secret as soon as it is read."""
    redaction = Redaction()
    without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_shared, structlog.stdlib.ExtraAdder()],
        processors=[without_meta, _drop_colours, _tell_expected, *_rendering(style), redaction],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # These tell every request, with addresses that can hold credentials.
    for name in ("httpx", "httpcore", "urllib3", "apprise", "docker"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It names pieces of its addresses, each a secret; what it says is told without them, by whoever asked it.
    logging.getLogger("apprise").propagate = False
    structlog.configure(
        processors=[*_shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return redaction


def _drop_colours(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """uvicorn says everything twice."""
    line.pop("color_message", None)
    return line


def _tell_expected(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """A source that fails is told in a sentence; where in the code it was noticed helps nobody."""
    failure = line.get("exc_info")
    error = failure[1] if isinstance(failure, tuple) else failure
    if isinstance(error, PoolmedicError):
        line.pop("exc_info")
        line["reason"] = error.message
    return line


def _rendering(style: Literal["console", "json"]) -> list[structlog.typing.Processor]:
    if style == "json":
        # Without the frames' variables: they hold what no line may, and cut, so that nobody knows it.
        frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [structlog.processors.ExceptionRenderer(frames), structlog.processors.JSONRenderer()]
    return [
        _make_visible,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_write_traceback),
    ]


def _make_visible(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """No text makes a second line that looks like ours, or acts on a terminal. What is not text is quoted."""
    return {name: visible(value) if isinstance(value, str) else value for name, value in line.items()}


def _write_traceback(stream: TextIO, failure: ExcInfo) -> None:
    """Set in, so that no line of it looks like one of the log: a failure's message may be anybody's."""
    whole = io.StringIO()
    structlog.dev.plain_traceback(whole, failure)
    stream.write("\n".join(f"  {visible(line)}".rstrip() for line in whole.getvalue().split("\n")))
