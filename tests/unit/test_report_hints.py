"""What the report tells of the applications' own monitors, and that nothing is decided by it."""

from typing import Any

from activities.report_text import render
from tests.unit import incidents, scenes
from tests.unit.markup import EVIL, section, structure
from tests.unit.scenes import known
from workflows.diagnosis import diagnose
from workflows.models.evidence import ApplicationPage, Checkout, Crowd, Evidence, OwnQuery
from workflows.models.reading import Unavailable

HELD = "Who had a connection for longest at the first look"
SLOW = "The slowest queries then"


def checkout(borrower: str, seconds: float) -> Checkout:
    return Checkout(borrower=borrower, held_seconds=seconds)


def look(*pages: ApplicationPage) -> Evidence:
    return scenes.evidence(application=scenes.application(*pages))


def reported(*pages: ApplicationPage) -> str:
    return section(render(incidents.report(evidence=look(*pages))), "Cause")


def page(**hints: Any) -> ApplicationPage:
    return scenes.page(**hints)


def test_the_longest_of_all_instances_are_told_with_their_borrowers() -> None:
    told = reported(
        page(checkouts=known(tuple(checkout(f"/a{n}", 100.0 * n) for n in (5, 3, 1)))),
        page(checkouts=known(tuple(checkout(f"/b{n}", 100.0 * n) for n in (6, 4, 2)))),
    )
    lines = [line for line in told.split("\n") if line.startswith("- web-")]
    assert lines == [
        "- web-2: 10 min, `/b6`",
        "- web-1: 8 min 20 s, `/a5`",
        "- web-2: 6 min 40 s, `/b4`",
        "- web-1: 5 min, `/a3`",
        "- web-2: 3 min 20 s, `/b2`",
    ]


def test_the_slowest_queries_are_told_once_each() -> None:
    slow, slower = (
        OwnQuery(text="SELECT ?", mean_seconds=1.5, calls=3),
        OwnQuery(text="TABLE a", mean_seconds=4),
    )
    told = reported(page(queries=known((slower, slow))), page(queries=known((slow,))))
    assert f"{SLOW}, by the application's own query monitor:" in told
    assert "- web-1: 4.0 s on average, `TABLE a`\n- web-1: 1.5 s on average, 3 calls, `SELECT ?`\n" in told
    assert told.count("SELECT ?") == 1


def test_a_page_that_could_not_be_read_is_told_with_the_reason() -> None:
    told = reported(page(queries=Unavailable(reason="404"), checkouts=Unavailable(reason="no list")))
    assert "- web-1: not known: 404\n" in told
    assert "- web-1: not known: no list\n" in told


def test_errors_are_told_beside_the_traffic() -> None:
    def told(**changes: Any) -> str:
        metrics = scenes.metrics(scenes.scraped(), **changes)
        return render(incidents.report(evidence=scenes.evidence(metrics=metrics)))

    text = told(errors_5xx=known(2.25), usual_errors_5xx=known(0.05))
    assert "- Traffic: " in text
    assert "- Answers 5xx: 2.2/s, usually 3.0/min.\n" in text
    assert "- Answers 5xx: unknown, usually unknown.\n" in told(errors_5xx=scenes.GONE)
    assert "Answers 5xx" not in told()


def test_what_nobody_asked_for_adds_nothing() -> None:
    told = reported(page())
    assert HELD not in told
    assert SLOW not in told
    assert HELD not in render(incidents.report(evidence=None))


def test_a_name_or_a_query_is_never_markup() -> None:
    def shown(text: str) -> list[str]:
        return structure(
            reported(
                page(
                    checkouts=known((checkout(f"x{text}", 1),)),
                    queries=known((OwnQuery(text=f"x{text}", mean_seconds=1),)),
                )
            )
        )

    assert shown(f" {EVIL}") == shown("")


def test_a_reading_from_before_these_fields_is_read() -> None:
    old = page().model_dump(mode="json", exclude={"checkouts", "queries"})
    found = ApplicationPage.model_validate(old)
    assert (found.checkouts, found.queries) == (None, None)


def test_who_has_the_servers_connections_is_told_by_group() -> None:
    def told(**changes: Any) -> str:
        database = scenes.database([], **changes)
        return section(render(incidents.report(evidence=scenes.evidence(database=database))), "Cause")

    groups = (
        Crowd(role="batch", application="nightly", state="idle", sessions=60, oldest_seconds=90.0),
        Crowd(role="shop", application="", state="active", sessions=2),
    )
    text = told(crowd=known(groups))
    assert "| batch | nightly | idle | 60 | 90 s |\n| shop |  | active | 2 | unknown |\n" in text
    assert "is not known: too slow." in told(crowd=Unavailable(reason="too slow"))
    assert "has the server's connections" not in told()


def test_nothing_is_concluded_from_errors() -> None:
    plain, with_errors = (
        diagnose(
            scenes.evidence(metrics=scenes.metrics(scenes.scraped(), **errors)),
            None,
            scenes.target(),
            scenes.policy(),
        )
        for errors in (dict[str, Any](), {"errors_5xx": known(900.0), "usual_errors_5xx": scenes.GONE})
    )
    assert plain == with_errors


def test_nothing_is_concluded_from_a_hint() -> None:
    plain = look(page())
    for hints in (
        {"checkouts": known((checkout("/report", 9000.0),)), "queries": known(())},
        {"checkouts": Unavailable(reason="404"), "queries": Unavailable(reason="404")},
    ):
        with_hints = look(page(**hints))
        assert diagnose(with_hints, None, scenes.target(), scenes.policy()) == diagnose(
            plain, None, scenes.target(), scenes.policy()
        )
