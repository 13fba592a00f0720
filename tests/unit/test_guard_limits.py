"""Every option keeps to the limits of the policy, and to what is the target's own."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.guards import RESIZE, RESTART, SUFFERING, WAVE, check, undersized
from tests.unit.scenes import GONE, NOW, STARTED, evidence, page, policy, pool, sessions, target
from workflows.models.plan import Proposal, Resize, Termination
from workflows.models.policy import Permission

IDENTITIES = [each.identity for each in sessions(18)]


def with_sessions(*changed: Any) -> Proposal:
    return WAVE.model_copy(update={"act": Termination(sessions=tuple(changed))})


@pytest.mark.parametrize(
    ("proposal", "changes", "words"),
    [
        (with_sessions(*IDENTITIES[:11]), {}, "11 sessions to end, the policy allows 10 different ones"),
        (with_sessions(), {}, "0 sessions to end"),
        (
            with_sessions(IDENTITIES[0], IDENTITIES[0]),
            {},
            "2 sessions to end, the policy allows 10 different",
        ),
        (
            WAVE,
            {"policy": policy(limits={"share_of_sessions": 0.45})},
            "10 sessions to end, the policy allows 9 different ones",
        ),
        (WAVE, {"evidence": evidence(database=GONE)}, "the database could not be read: connection refused"),
        (
            WAVE,
            {"evidence": evidence(database=scenes.database(sessions(18)).model_copy(update={"at": STARTED}))},
            "the database could not be read: the last reading is 5 h 0 min old",
        ),
        (
            WAVE,
            {"target": scenes.with_database(target(), transaction_pooler=True)},
            "behind a transaction pooler no session is ended by its pid",
        ),
        (
            WAVE,
            {"target": scenes.with_database(target(), role="billing")},
            "not seen as the target's own and idle in transaction: session 100 (shop, shop-api,",
        ),
        (
            with_sessions(IDENTITIES[0].model_copy(update={"backend_start": NOW})),
            {},
            "not seen as the target's own and idle in transaction: session 100",
        ),
        (
            WAVE,
            {
                "evidence": evidence(
                    database=scenes.database(sessions(18, in_progress="pg_stat_progress_copy"))
                )
            },
            "not seen as the target's own",
        ),
        (
            WAVE,
            {"evidence": evidence(database=scenes.database(sessions(18, has_written=True)))},
            "have written or hold an advisory lock, which needs approval: session 100",
        ),
        (
            WAVE,
            {"evidence": evidence(database=scenes.database(sessions(18, holds_advisory_lock=True)))},
            "have written or hold an advisory lock, which needs approval: session 100",
        ),
        (
            RESTART,
            {"target": scenes.with_instance(target(), "web-1", container="other")},
            "shop-1 is not the container of web-1 in the configuration",
        ),
        (
            RESTART,
            {"target": scenes.with_instance(target(), "web-1", name="web-7")},
            "shop-1 is not the container of web-1 in the configuration",
        ),
    ],
)
def test_an_act_keeps_to_the_limits_and_to_the_target_s_own(
    proposal: Proposal, changes: dict[str, Any], words: str
) -> None:
    refusal = check(proposal, **changes)

    assert refusal is not None
    assert words in refusal


def test_those_that_have_written_may_be_ended_once_approved() -> None:
    look = evidence(database=scenes.database(sessions(18, has_written=True)))
    proposal = WAVE.model_copy(update={"permission": Permission.APPROVAL})

    assert check(proposal, evidence=look, approved_by="ada") is None


def resize(sizes: dict[str, int], baseline: dict[str, int]) -> Proposal:
    return RESIZE.model_copy(update={"act": Resize(sizes=sizes, baseline=baseline, lasts=timedelta(hours=1))})


@pytest.mark.parametrize(
    ("proposal", "server", "words"),
    [
        (RESIZE, {"max_connections": 47}, "40 connections do not fit into the server's free slots"),
        (RESIZE, {"max_connections": 48}, None),
        (RESIZE, {"max_connections": 60, "foreign": 18}, "do not fit"),
        (resize({"web-1": 41}, {"web-1": 20}), {}, "more than 2 times the configured size: web-1"),
        (resize({"web-1": 30}, {"web-1": 30}), {}, "reverted to another size than the configured one: web-1"),
        (resize({"web-9": 30}, {"web-9": 20}), {}, "sizes for web-9, configured are web-1"),
        (resize({}, {}), {}, "sizes for , configured are web-1"),
        (resize({"web-1": 30}, {}), {}, "sizes for web-1, configured are web-1"),
    ],
)
def test_a_resize_fits_the_server_and_the_policy(
    proposal: Proposal, server: dict[str, int], words: str | None
) -> None:
    database = scenes.database(sessions(20, 0.0, "active"), **server)
    look = undersized().model_copy(update={"database": database})

    refusal = check(proposal, evidence=look, approved_by="ada")

    assert (refusal is None) if words is None else (refusal is not None and words in refusal)


@pytest.mark.parametrize(
    ("cores", "size", "words"),
    [(20, 40, None), (19, 40, "40 connections may have more at work at once than 2 times 19 processors")],
)
def test_a_resize_stays_below_twice_the_server_s_processors(cores: int, size: int, words: str | None) -> None:
    subject = scenes.with_database(target(), cores=cores)
    proposal = resize({"web-1": size}, {"web-1": 20})

    assert check(proposal, evidence=undersized(), target=subject, approved_by="ada") == words


def test_a_resize_counts_the_other_pools_as_they_are() -> None:
    two = target(instances=2)
    look = evidence(
        application=scenes.application(page(SUFFERING), page(pool(1, 35))),
        database=scenes.database(sessions(20, 0.0, "active"), max_connections=82),
    )
    pages = scenes.application(page(SUFFERING), page(pool(1, 35)))
    facts: dict[str, Any] = {"evidence": look, "pages": pages, "target": two, "approved_by": "ada"}

    assert check(resize({"web-1": 39}, {"web-1": 20}), **facts) is None
    refusal = check(resize({"web-1": 40}, {"web-1": 20}), **facts)
    assert refusal == "75 connections do not fit into the server's free slots"
