"""Which database is believed, and that everything which could not be read is named."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.scenes import GONE, NOW, evidence, policy, pool, scraped, sessions, target
from workflows.diagnosis import CAUSES, diagnose
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence


@pytest.mark.parametrize(
    ("database", "words"),
    [
        (GONE, "connection refused"),
        (scenes.database(sessions(18)).model_copy(update={"at": NOW - timedelta(minutes=5)}), "5 min old"),
        (scenes.database(sessions(18), in_recovery=True), "a standby in recovery"),
        (scenes.database([], total=2), "server, role or application_name may not be the right one"),
    ],
    ids=["unavailable", "stale", "in recovery", "sessions do not fit the pools"],
)
def test_without_the_right_database_the_cause_is_unknown(database: Any, words: str) -> None:
    diagnosis = diagnose(evidence(database=database), None, target(), policy())

    assert diagnosis.first.cause is Cause.UNKNOWN
    assert diagnosis.first.instances == ("web-1",)
    (missing,) = diagnosis.missing
    assert missing.startswith("database: ")
    assert words in missing


@pytest.mark.parametrize("identifier", [None, "7399999999999999999"])
def test_a_server_with_another_identifier_is_not_believed(identifier: str | None) -> None:
    named = scenes.with_database(target(), system_identifier="7300000000000000001")
    look = evidence(database=scenes.database(sessions(18), system_identifier=identifier))

    assert diagnose(evidence(), None, named, policy()).first.cause is Cause.LEAK
    diagnosis = diagnose(look, None, named, policy())
    assert diagnosis.first.cause is Cause.UNKNOWN
    assert diagnosis.missing == (
        (
            f"database: the server's system identifier is {identifier or 'not readable'}, "
            "the configuration says 7300000000000000001"
        ),
    )


def test_a_target_that_reads_from_a_standby_says_so() -> None:
    standby = scenes.with_database(target(), standby=True)
    look = evidence(database=scenes.database(sessions(18), in_recovery=True))

    assert diagnose(look, None, standby, policy()).first.cause is Cause.LEAK
    diagnosis = diagnose(evidence(), None, standby, policy())
    assert diagnosis.first.cause is Cause.UNKNOWN
    assert "not in recovery, so not the standby" in diagnosis.missing[0]


def test_every_source_that_is_missing_is_named_once() -> None:
    silent = Evidence(at=NOW, metrics=GONE, application=GONE, database=GONE, containers=GONE)

    diagnosis = diagnose(silent, None, target(instances=2), policy())

    assert diagnosis.first.cause is Cause.UNKNOWN
    assert [each.partition(":")[0] for each in diagnosis.missing] == [
        "pool of every instance",
        "application page of every instance",
        "metrics of every instance",
        "container of every instance",
        "database",
    ]


def test_where_nothing_could_be_read_that_comes_first_and_nothing_is_denied() -> None:
    silent = Evidence(at=NOW, metrics=GONE, application=GONE, database=GONE, containers=GONE)

    diagnosis = diagnose(silent, None, target(instances=2), policy())

    read = len(diagnosis.missing)
    assert all(each.startswith("Could not be read: ") for each in diagnosis.first.reasons[:read])
    assert all("cannot be told: " in each for each in diagnosis.first.reasons[read:])
    assert len(diagnosis.first.reasons) == read + len(CAUSES)


def test_sessions_without_any_pool_deny_nothing_that_only_a_pool_shows() -> None:
    look = evidence(metrics=GONE, application=GONE)

    reasons = diagnose(look, None, target(), policy()).first.reasons

    assert "Whether connections leak cannot be told: no pool could be read." in reasons
    assert not [each for each in reasons if each.startswith(("No leak", "No hold", "No slow", "No spike"))]


def test_of_a_pool_that_was_not_read_nothing_is_denied() -> None:
    free = scenes.page(pool(2))
    look = evidence(metrics=GONE, application=scenes.application(free, GONE))

    reasons = diagnose(look, None, target(instances=2), policy()).first.reasons

    question = "Whether requests wait while they hold connections cannot be told"
    unread = "no pool that was read is exhausted, and that of web-2 could not be read"
    assert f"{question}: {unread}." in reasons


def test_an_instance_that_the_configuration_does_not_know_is_named() -> None:
    full = pool(waiters=4)
    look = evidence(metrics=scenes.metrics(scraped(full), unexpected=("web-9",)))

    assert diagnose(look, None, target(), policy()).missing == (
        "web-9: in the metrics, not in the configuration, so it was not asked",
    )


def test_an_instance_without_a_container_misses_none() -> None:
    bare = scenes.with_instance(target(), "web-1", container=None)

    assert diagnose(evidence(containers=GONE), None, bare, policy()).missing == ()
