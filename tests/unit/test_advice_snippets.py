"""What a report gives to be pasted: for this kind of application, with this target's numbers."""

import ast
import configparser
from datetime import timedelta

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import QueuePool

from activities import advice_snippets as snippets
from activities.marks import frame
from activities.report_html import Figure
from activities.report_html import render as render_html
from activities.report_text import render
from tests.unit import incidents, scenes
from tests.unit.markup import PARSER, section
from tests.unit.scenes import known
from workflows.markdown import snippet
from workflows.models.alert import Case
from workflows.models.diagnosis import Cause
from workflows.models.report import Ending, Report
from workflows.models.target import Target

PROFILES = ("covetpy", "sqlalchemy", "hikaricp", "pgbouncer")
MINUTE = timedelta(minutes=1)


def of(profile: str) -> Target:
    return scenes.target(profile=profile)


def told(report: Report, profile: str = "covetpy") -> str:
    """The advice where the target is of this kind."""
    case = report.case
    assert case is not None
    other = Case(target=of(profile), policy=case.policy, alert=case.alert)
    return section(render(report.model_copy(update={"case": other})), "What to change for good")


def every(target: Target) -> list[str | None]:
    return [
        snippets.recycling(target),
        snippets.pool_timeout(target),
        snippets.leak_detection(target, MINUTE),
        snippets.breaker_before_the_pool(target),
        snippets.breaker_before_a_service(target, 2),
    ]


def test_the_breaker_is_the_one_that_covet_has() -> None:
    code = snippets.breaker_before_the_pool(of("covetpy"))
    assert code is not None
    assert "covet.database.adapters.circuit_breaker import CircuitBreaker, CircuitBreakerConfig" in code
    assert "CircuitBreaker(CircuitBreakerConfig(failure_threshold=5, timeout=60.0))" in code
    assert "await breaker.call(adapter.pool.acquire, timeout=1.0)" in code


@pytest.mark.parametrize(
    "code", [code for code in every(of("covetpy")) if code and "async with adapter" not in code]
)
def test_what_is_python_is_python(code: str) -> None:
    compile(code, "snippet", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize(
    "code", [snippets.recycling(of("sqlalchemy")), snippets.pool_timeout(of("sqlalchemy"))]
)
def test_sqlalchemy_takes_what_it_is_given(code: str) -> None:
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    given = {each.arg or "": ast.literal_eval(each.value) for each in call.keywords}
    engine = create_engine("sqlite://", poolclass=QueuePool, **given)
    assert isinstance(engine.pool, QueuePool)


def test_hikari_s_times_are_milliseconds() -> None:
    assert snippets.pool_timeout(of("hikaricp")) == "spring.datasource.hikari.connection-timeout=30000"
    assert snippets.leak_detection(of("hikaricp"), MINUTE) == (
        "spring.datasource.hikari.leak-detection-threshold=60000"
    )
    lifetime, alive = (snippets.recycling(of("hikaricp")) or "").split("\n")
    assert lifetime == "spring.datasource.hikari.max-lifetime=1800000"
    assert alive == "spring.datasource.hikari.keepalive-time=60000"


def test_pgbouncer_s_times_are_seconds() -> None:
    file = configparser.ConfigParser()
    file.read_string(
        f"[pgbouncer]\n{snippets.recycling(of('pgbouncer'))}\n{snippets.pool_timeout(of('pgbouncer'))}"
    )
    assert dict(file["pgbouncer"]) == {
        "server_lifetime": "1800",
        "server_check_query": "select 1",
        "server_check_delay": "60",
        "query_wait_timeout": "30",
    }


def test_of_a_kind_that_nobody_knows_nothing_is_given() -> None:
    assert every(of("shop")) == [None] * 5


def test_dead_slots_are_told_with_the_targets_own_pool() -> None:
    report = incidents.report(attempts=(incidents.termination(helped=False), incidents.restart()))
    advice = told(report)
    assert "PostgreSQLAdapter(" in advice
    assert '    database="shop",' in advice
    assert "    max_pool_size=20," in advice
    assert "`create_engine(url, pool_pre_ping=True, pool_recycle=1800)`" in told(report, "sqlalchemy")
    assert "server_lifetime = 1800" in told(report, "pgbouncer")
    assert "spring.datasource" not in told(incidents.report(), "sqlalchemy")


def test_endless_waits_are_told_with_the_setting_of_that_pool() -> None:
    full = scenes.pool(waiters=7)
    scraped = scenes.scraped(full, full_seconds=known(120.0), timeouts=known(0.0))
    look = scenes.evidence(application=scenes.application(scenes.page(full)), metrics=scenes.metrics(scraped))
    report = incidents.report(evidence=look)
    settings = {
        "covetpy": "adapter.pool.acquire(timeout=30)",
        "sqlalchemy": "pool_timeout=30",
        "hikaricp": "connection-timeout=30000",
        "pgbouncer": "query_wait_timeout = 30",
    }
    for profile, setting in settings.items():
        assert setting in told(report, profile)


def test_a_leak_is_found_by_the_pool_that_can() -> None:
    setting = "spring.datasource.hikari.leak-detection-threshold=60000"
    idle = incidents.report(diagnoses=(incidents.diagnosis(Cause.IDLE_LEAK, sessions=0),))
    for report in (incidents.report(), idle):
        assert setting in told(report, "hikaricp")
        assert setting not in told(report, "sqlalchemy")
    assert "Switch on the leak detection" not in told(incidents.report(), "sqlalchemy")


def test_a_partner_s_time_is_by_what_is_usual_here() -> None:
    slow = scenes.metrics(scenes.scraped(), hold_seconds=known(9.0), usual_hold=known(0.45))
    report = incidents.report(
        diagnoses=(incidents.diagnosis(Cause.HOLD, sessions=0),),
        attempts=(),
        outcome=Ending.HANDED_OVER,
        evidence=scenes.evidence(metrics=slow),
    )
    advice = told(report)
    assert "async with asyncio.timeout(5):" in advice
    assert "result = await breaker.call(answer)" in advice
    assert "CircuitBreaker" not in told(report, "hikaricp")


def test_several_lines_are_a_block_that_keeps_its_spaces() -> None:
    report = incidents.report(diagnoses=(incidents.diagnosis(Cause.SPIKE, sessions=0),))
    fences = [token for token in PARSER.parse(render(report)) if token.type == "fence"]
    assert fences[0].content == f"{snippets.breaker_before_the_pool(of('covetpy'))}\n"
    assert "\n    ...\n" in fences[0].content
    page = render_html(report, Figure(frame(report), None, "not asked"))
    assert "<pre><code>" in page


@pytest.mark.parametrize("evil", ["a\n```\n# b", "a\n````\nc", "a\n<img src=x>", "a\n\x1b[2J\u2028\u202e"])
def test_nothing_gets_out_of_a_block(evil: str) -> None:
    tokens = PARSER.parse(f"1. x:{snippet(evil)}\n\n2. y")
    kinds = [token.type for token in tokens if token.type in {"fence", "heading_open", "html_block"}]
    assert kinds == ["fence"]
    assert len([token for token in tokens if token.type == "list_item_open"]) == 2
