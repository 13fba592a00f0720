"""When an index is asked for, and what the guard lets pass: never alone, and only what was found."""

from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.indexes import advice
from tests.unit import scenes
from tests.unit.guards import PAGES, check
from tests.unit.plans import decide, proposed, tried
from tests.unit.scenes import known, policy, target
from tests.unit.slow_queries import SHAPE, slow, slow_look
from workflows.diagnosis import diagnose
from workflows.models.evidence import Evidence
from workflows.models.index import IndexAdvice
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import HandOver, IndexCreation, LookAgain, Plan, Proposal
from workflows.models.policy import Mode, Permission
from workflows.models.reading import Unavailable
from workflows.remedies.index import query_to_explain

RULES = policy(
    options={"cancel": "alone", "terminate": "alone", "index": "alone"}, limits={"sessions_per_act": 20}
)
SUBJECT = scenes.with_database(target(), index_dsn="SHOP_INDEX_DSN")
FIRST = tried(proposed(decide(slow_look(slow(18)), rules=RULES, subject=SUBJECT)), changed=18)
FOUND = advice(query_id=SHAPE)


def again(found: IndexAdvice | Unavailable | None = FOUND) -> Evidence:
    """It fills the pool again, and this was found for it."""
    reading = known(found) if isinstance(found, IndexAdvice) else found
    return slow_look(slow(18, first=400), index=reading)


def decided(look: Evidence, *attempts: Attempt, **more: Any) -> Plan:
    return decide(look, FIRST, *attempts, **{"rules": RULES, "subject": SUBJECT, **more})


def left_to_people(plan: Plan) -> str:
    assert isinstance(plan.step, HandOver), plan
    return " ".join(plan.left_out)


def explained(look: Evidence, *attempts: Attempt, subject: Any = SUBJECT) -> int | None:
    return query_to_explain(diagnose(look, None, subject, RULES), attempts, subject)


def refusal(proposal: Proposal, look: Evidence, **changes: Any) -> str | None:
    facts = {"policy": RULES, "pages": PAGES, "target": SUBJECT, "approved_by": "ada", "attempts": (FIRST,)}
    return check(proposal, evidence=look, **{**facts, **changes})


def test_it_is_asked_for_by_name_with_its_statement() -> None:
    step = proposed(decided(again()))

    assert isinstance(step.act, IndexCreation)
    assert step.permission is Permission.APPROVAL
    assert step.effect == (
        "CREATE INDEX CONCURRENTLY poolmedic_parcels_of_tests_receiver ON public.parcels_of_tests (receiver)"
        ", for query 7. Its plan for any parameters (cost 5000) reads all of about 300000 rows for one value"
        ", which has about 60. "
        "Readers and writers go on meanwhile; after 15 min it is given up. To take it back: DROP INDEX "
        "CONCURRENTLY public.poolmedic_parcels_of_tests_receiver."
    )
    assert "20 MB" in step.risk
    assert "2.7 kB" not in step.risk
    assert refusal(step, again()) is None


def test_a_value_that_may_be_too_long_for_it_is_told() -> None:
    step = proposed(decided(again(advice(query_id=SHAPE, unbounded=("receiver",)))))

    assert "A row whose receiver takes more than about 2.7 kB could not be written any more." in step.risk


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.APPROVE])
def test_never_alone(mode: Mode) -> None:
    step = proposed(decided(again(), rules=RULES.model_copy(update={"mode": mode})))
    alone = step.model_copy(update={"permission": Permission.ALONE})

    assert step.permission is Permission.APPROVAL
    assert refusal(step, again(), approved_by=None) == "index needs approval, and nobody approved it"
    assert "by approval only" in (refusal(alone, again()) or "")


@pytest.mark.parametrize(
    ("found", "subject", "rules", "why"),
    [
        (None, SUBJECT, RULES, "not before the query was cancelled and came again"),
        (Unavailable(reason="its plan is a riddle"), SUBJECT, RULES, "its plan is a riddle"),
        (advice(query_id=8), SUBJECT, RULES, "another query's"),
        (
            advice(query_id=SHAPE, in_the_way=("pid 7 writes",)),
            SUBJECT,
            RULES,
            "wait for others: pid 7 writes",
        ),
        (FOUND, target(), RULES, "database.index_dsn"),
        (FOUND, SUBJECT, policy(options={"cancel": "alone"}), "the policy never allows it"),
    ],
)
def test_why_none_is_created(found: Any, subject: Any, rules: Any, why: str) -> None:
    assert why in left_to_people(decided(again(found), subject=subject, rules=rules))


def test_a_refusal_holds() -> None:
    step = proposed(decided(again()))
    refused = tried(step, OutcomeStatus.REFUSED, by="ada")

    assert "ada refused it" in left_to_people(decided(again(), refused))


def test_the_plan_is_read_only_when_the_cancel_did_not_last() -> None:
    first, rest = slow_look(slow(18)), FIRST.proposal.act

    assert explained(again(None), FIRST) == SHAPE
    assert explained(first) is None
    assert explained(first, FIRST) is None  # the very statements run on: they are to be ended first
    assert explained(again(None), FIRST, subject=target()) is None
    assert rest.option == "cancel"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": "other"}, "not the index that was found"),
        ({"table": "orders"}, "not the index that was found"),
        ({"columns": ("id",)}, "not the index that was found"),
        ({"limit": "2h"}, "longer than the policy allows"),
    ],
)
def test_nothing_but_what_was_found_is_within_the_limits(changes: dict[str, Any], why: str) -> None:
    step = proposed(decided(again()))
    act = IndexCreation.model_validate({**step.act.model_dump(), **changes})

    assert why in (refusal(step.model_copy(update={"act": act}), again()) or "")


def test_what_got_in_the_way_meanwhile_refuses() -> None:
    step = proposed(decided(again()))

    assert refusal(step, again(advice(query_id=SHAPE, in_the_way=("pid 7 writes",)))) is not None
    assert refusal(step, again(None)) is not None


def test_statements_that_began_before_the_index_are_waited_for() -> None:
    step, look = proposed(decided(again())), again()
    created = tried(step, at=scenes.NOW)
    assert decided(look, created).step == LookAgain(
        after=RULES.pace.relook, why="Statements that began before the index was there go on without it."
    )
    # The same query again, begun after it: the index was not what it lacked.
    earlier = tried(step, at=scenes.NOW - timedelta(minutes=2))
    assert isinstance(decided(look, earlier).step, Proposal | HandOver)
    # Of another query's index they know nothing.
    other = tried(step.model_copy(update={"act": step.act.model_copy(update={"query_id": 8})}), at=scenes.NOW)
    assert isinstance(decided(look, other).step, Proposal | HandOver)
