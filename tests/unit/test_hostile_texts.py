"""Whatever strangers write, wherever it is shown: it stays text, on its own line, and calls nobody."""

import io
import json
import re
import sys
import unicodedata
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from typing import Any, NamedTuple

import pytest
from apprise import NotifyFormat
from apprise.conversion import convert_between
from prometheus_client import Counter
from rich.console import Console, RenderableType

from activities import page_text, report_text
from activities.ballot import Ballot
from activities.curves import Curves
from activities.invitation import Invitation
from activities.marks import frame
from activities.report_html import Figure
from activities.report_html import render as render_html
from tests.unit import incidents, scenes, test_details
from tests.unit.configurations import raw, read
from tests.unit.markup import structure
from tests.unit.scenes import NOW
from tests.unit.test_examination import concluded
from tests.unit.test_report_html import CURVES, Page
from worker import examination_view, report_view
from worker.answers import confirm
from worker.approving import Standing
from worker.delivery import Malformed, read_delivery
from worker.examination import Examination
from worker.follower import News
from worker.follower_view import show_news
from worker.link_page import LinkPage
from worker.logs import _rendering
from worker.routing import Routed, route
from workflows.markdown import MOST_CAPTION_BYTES, caption
from workflows.models import page as pages
from workflows.models.report import Entry

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "`code` ``` fence",
    "[click](javascript:alert(1)) ![i](http://evil.example/i.png)",
    "<http://evil.example|your link>",
    "a\x1b[2Jb\x1b]0;owned\x07\x9b31m\x00",
    "approve \u202edda rof \u2066no\u2069 \u200b\ufeff",
    "<!channel> <!here> <@U0123> <#C0123>",
    "@everyone @here @channel @all",
    "word\n\n# Approved: nothing to do\n- done\n---\n| a | b |",
    "word\r\n2026-03-01T03:00:00Z [info     ] approved by ada [poolmedic]",
    "word\u2028closed\u2029\x85\x0b\x0cSubject: other\r\nBcc: all@example.org",
    "[bold red]x[/] :smile: {{ 7 * 7 }} {% raw %} %s %(x)s {0} $(id) `id` ${x}",
    "' onmouseover='alert(1)' \" onclick=\"alert(1)\" & &lt;b&gt;",
    "***bold*** ~~gone~~ \\* \\n www.evil.example ada@evil.example",
    '", "level": "error", "event": "forged',
)
JOINER = page_text._JOINER
CALLS = re.compile(r"@(everyone|here|channel|all)\b|<\S|``|\]\(", re.IGNORECASE)


class Place(NamedTuple):
    """Where a text is shown: what comes out of it, and what of that no text may change."""

    show: Callable[[str], Any]
    shape: Callable[[Any], object]


def report(text: str) -> Any:
    return incidents.written_by_strangers(text).model_copy(update={"pending": incidents.request(text)})


def html_report(text: str) -> str:
    curves = Curves({text: CURVES.lines["web-1"]}, {f"other {text}": text})
    return render_html(report(text), Figure(frame(report(text)), curves, text))


def message(text: str) -> pages.Page:
    return pages.Page(
        key=f"pool/shop/1/{text}",
        level=pages.Level.L2,
        target="shop",
        routes=("oncall",),
        title=f"shop: {text}",
        body=f"Why: {' '.join(text.split())}\nPlease take over.",
        links={f"link {text}": "https://poolmedic.example/x"},
    )


def mail(text: str) -> str:
    """Subject and body, as a service that sends HTML writes them."""
    written = EmailMessage()
    written["Subject"] = page_text.render_title(message(text))
    body = convert_between(NotifyFormat.TEXT, NotifyFormat.HTML, page_text.render(message(text)))  # type: ignore[no-untyped-call]
    return f"{written['Subject']}\n{body}"


def on_terminal(shown: RenderableType) -> str:
    console = Console(width=4000, file=io.StringIO(), highlight=False, emoji=False, markup=False)
    console.print(shown)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def diagnosed(text: str) -> str:
    database = scenes.database(scenes.sessions(18, application_name=text))
    found = concluded(scenes.evidence(database=database, metrics=scenes.GONE))
    finding = found.diagnosis.first.model_copy(update={"reasons": (text,), "doubts": (text,)})
    diagnosis = found.diagnosis.model_copy(update={"findings": (finding,), "missing": (text,)})
    hostile = Examination(
        found.target, found.policy, found.evidence, 1, diagnosis, found.plan, {"limits": text}
    )
    return on_terminal(examination_view.render(hostile))


async def watched(text: str) -> str:
    async def news() -> AsyncIterator[News]:
        yield News(report=report(text), entries=(Entry(at=NOW, text=text),), trouble=text)

    console = Console(width=4000, file=io.StringIO(), highlight=False, emoji=False, markup=False)
    await show_news(news(), "shop", console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def acknowledging(text: str) -> str:
    page = LinkPage("acknowledge.html", {"invitation": None}, Counter("a", "a", registry=None), "tests")
    invitation = Invitation(target="shop", run="run-7")
    done = page.render(200, invitation=invitation, name=text, problem="")
    return b"\n".join(
        (done.body, page.render(422, invitation=invitation, name="", problem=text).body)
    ).decode()


def approving(text: str) -> str:
    page = LinkPage("approve.html", {"decision": None}, Counter("b", "b", registry=None), "tests")
    ballot = Ballot(target="shop", run="run-7", request="r1", by=text, digest="d" * 32, until=NOW)
    finding = incidents.written_by_strangers(text).diagnoses[0].first
    asked = incidents.request(text).model_copy(update={"risk": text, "approvers": (text,)})
    found = Standing(request=asked, approved=(f"other {text}",), won=None, finding=finding)
    told = page.render(200, ballot=ballot, found=found, problem=text)
    decided = page.render(
        200, ballot=ballot, found=found, problem="", decision=incidents.decision(text, text)
    )
    return b"\n".join((told.body, decided.body)).decode()


def delivery(labels: dict[str, Any]) -> bytes:
    alert = {"status": "firing", "labels": labels, "startsAt": "2026-03-01T03:00:00Z", "fingerprint": "f00d"}
    return json.dumps({"version": "4", "alerts": [alert]}).encode()


def answered(text: str) -> str:
    """To alerts of no target, and to labels that are not text."""
    routed = route(read_delivery(delivery({"alertname": text, "job": text})), read(raw()), NOW)
    with pytest.raises(Malformed) as malformed:
        read_delivery(delivery({f"of {text}": 1}))
    answer = confirm(Routed((), routed.unmatched, 0), ()).body
    return f"{bytes(answer).decode()}\n{json.dumps(malformed.value.faults, ensure_ascii=False)}"


def failed(text: str) -> Any:
    """What an exception with that text leaves for the log."""
    try:
        int(f"x{text}")
    except ValueError as error:
        error.args = (text,)
        return sys.exc_info()


def logged(style: Any) -> Callable[[str], str]:
    def log(text: str) -> str:
        failure = failed(text)
        line: Any = {
            "event": text,
            "level": "info",
            "timestamp": "now",
            "one": text,
            "all": [text],
            "in": {"a": text},
        }
        for processor in _rendering(style):
            line = processor(None, "info", line | {"exc_info": failure} if isinstance(line, dict) else line)
        return str(line)

    return log


def lines(text: str) -> int:
    return len(re.split(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", text))


def entries(text: str) -> int:
    """Lines that look like entries of a log: those of a trace are set in."""
    return len([line for line in text.split("\n") if line and not line.startswith("  ")])


def elements(text: str) -> list[str]:
    return Page(text).structure


def keys(text: str) -> object:
    """Of every document, one a line."""

    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shape(inner) for key, inner in value.items() if key != "exc_value"}
        return [shape(inner) for inner in value] if isinstance(value, list) else type(value)

    return [shape(json.loads(line)) for line in text.split("\n")]


PLACES = {
    "report in Markdown": Place(lambda text: report_text.render(report(text)), structure),
    "report in HTML": Place(html_report, elements),
    "details in the Temporal UI": Place(test_details.written_by_strangers, structure),
    "line in the Temporal UI": Place(caption, structure),
    "title of a page": Place(lambda text: page_text.render_title(message(text)), lines),
    "page": Place(lambda text: page_text.render(message(text)), lines),
    "mail": Place(mail, elements),
    "poolmedic show": Place(lambda text: on_terminal(report_view.render(report(text))), lines),
    "poolmedic diagnose": Place(diagnosed, lines),
    "poolmedic watch": Place(watched, lines),
    "page to acknowledge": Place(acknowledging, elements),
    "page to approve": Place(approving, elements),
    "answer to a delivery": Place(answered, keys),
    "log for people": Place(logged("console"), entries),
    "log for machines": Place(logged("json"), keys),
}
CHATS = ("title of a page", "page", "mail")


async def shown(place: str, text: str) -> str:
    found = PLACES[place].show(text)
    return found if isinstance(found, str) else await found


def hidden(text: str) -> list[str]:
    """Signs that act instead of being read, or turn what is read."""
    kinds = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    return [sign for sign in text if unicodedata.category(sign) in kinds and sign not in ("\n", JOINER)]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("place", PLACES)
async def test_a_hostile_text_stays_text(place: str, text: str) -> None:
    said = await shown(place, text)
    shape = PLACES[place].shape
    assert shape(said) == shape(await shown(place, incidents.HARMLESS))
    assert hidden(said) == []
    if place in CHATS and place != "mail":
        assert CALLS.findall(said) == []


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_subject_is_one_line(text: str) -> None:
    title = page_text.render_title(message(text))
    written = EmailMessage()
    written["Subject"] = title
    assert written["Subject"] == title
    assert written.as_string().count("Bcc:") == title.count("Bcc:")
    assert list(written.keys()) == ["Subject"]


@pytest.mark.parametrize("text", [*HOSTILE, "\N{FOX FACE}" * 500, "[" * 500, "a@b" * 200])
def test_a_line_of_the_temporal_ui_is_bounded_in_bytes(text: str) -> None:
    assert len(caption(text).encode()) <= MOST_CAPTION_BYTES
    assert caption(text)
