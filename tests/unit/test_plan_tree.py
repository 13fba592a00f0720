"""What a plan says of tables that are read whole: columns that choose the rows, in any spelling of them."""

from typing import Any

import pytest

from activities.candidate import dearest, index_name
from activities.plan_tree import Scan, scans


def scan(condition: str, alias: str = "p", **more: Any) -> dict[str, Any]:
    return {
        "Node Type": "Seq Scan",
        "Schema": "public",
        "Relation Name": "parcels",
        "Alias": alias,
        "Filter": condition,
        "Parent Relationship": "Outer",
        "Total Cost": 100.0,
        "Plan Rows": 1,
        **more,
    }


@pytest.mark.parametrize(
    ("condition", "equal", "ranged"),
    [
        ("(p.receiver = $1)", ("receiver",), ()),
        ("($1 = p.receiver)", ("receiver",), ()),
        ("((p.receiver = $1) AND (p.sent > $2))", ("receiver",), ("sent",)),
        ("((p.receiver = $1) AND (p.sent >= $2) AND (p.sent < $3))", ("receiver",), ("sent",)),
        ("((p.code)::text = $1)", ("code",), ()),
        ('(p."Order" = $1)', ("Order",), ()),
        ('(p."a ""b"" AND c" = $1)', ('a "b" AND c',), ()),
        ("(p.receiver = ANY ($1))", ("receiver",), ()),
        ("(p.order_id = orders.id)", ("order_id",), ()),
        ("((p.note = ' OR '::text) AND (p.receiver = $1))", ("note", "receiver"), ()),
    ],
)
def test_plain_columns_are_found(condition: str, equal: tuple[str, ...], ranged: tuple[str, ...]) -> None:
    (found,) = scans(scan(condition))

    assert (found.equal, found.ranged) == (equal, ranged)


@pytest.mark.parametrize(
    "condition",
    [
        "((p.receiver = $1) OR (p.sent = $2))",
        "(p.receiver <> $1)",
        "((p.receiver + 1) = $1)",
        "(lower(p.code) = $1)",
        "(p.receiver = p.sender)",
        "(NOT p.is_sent)",
        "(p.receiver IS NULL)",
        "(other.receiver = $1)",
        '((p.code)::text = ($1)::text COLLATE "C")',
        "",
    ],
)
def test_everything_else_is_not(condition: str) -> None:
    (found,) = scans(scan(condition))

    assert (found.equal, found.ranged) == ((), ())


def test_what_is_compared_as_text_is_told() -> None:
    (found,) = scans(scan("(((p.receiver)::text = $1) AND (p.code = $2))"))

    assert (found.equal, found.as_text) == (("receiver", "code"), frozenset({"receiver"}))


def node(kind: str, cost: float, *below: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Node Type": kind,
        "Parent Relationship": "Outer",
        "Total Cost": cost,
        "Plan Rows": 1,
        "Plans": list(below),
        **more,
    }


def sub(number: int, below: dict[str, Any]) -> dict[str, Any]:
    return {**below, "Parent Relationship": "SubPlan", "Subplan Name": f"SubPlan {number}"}


def costs(plan: dict[str, Any]) -> dict[str, float]:
    return {found.table: found.cost for found in scans(plan)}


def orders(
    cost: float, *below: dict[str, Any], condition: str = "(p.a = $1)", rows: int = 1
) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "Relation Name": "orders",
        "Total Cost": cost,
        "Plan Rows": rows,
        "Plans": list(below),
    }
    return scan(condition, **facts)


def inner(below: dict[str, Any]) -> dict[str, Any]:
    return {**below, "Parent Relationship": "Inner"}


def test_every_part_of_the_plan_is_looked_at() -> None:
    below = sub(1, scan("(parcels.order_id = orders.id)", alias="parcels"))
    seen = orders(500.0, below, condition="((SubPlan 1) > 3)")

    found = list(scans(node("Aggregate", 700.0, seen, scan("(p.a = $1)"))))

    assert [each.equal for each in found] == [(), ("order_id",), ("a",)]


def test_a_subplan_counts_for_every_row_that_it_is_executed_for() -> None:
    plan = node("Aggregate", 2150.0, orders(50.0, rows=20), sub(1, scan("(p.b = $1)")))

    assert costs(plan) == {"orders": 50.0, "parcels": 2000.0}


def test_what_is_executed_again_has_never_more_than_the_plan_above_it() -> None:
    plan = node("Aggregate", 550.0, orders(50.0, rows=20), sub(1, scan("(p.b = $1)")))

    assert costs(plan) == {"orders": 50.0, "parcels": 500.0}


def test_a_subplan_of_a_filter_counts_for_every_row_that_is_looked_at() -> None:
    filtered = orders(9000.0, sub(1, scan("(p.b = $1)")), condition="((SubPlan 1) > 3)")

    assert costs(filtered) == {"orders": 0.0, "parcels": 9000.0}


def test_a_hashed_subplan_counts_once() -> None:
    filtered = orders(
        9000.0, sub(1, scan("(p.b = $1)")), condition="(NOT (ANY (a = (hashed SubPlan 1).col1)))"
    )

    assert costs(filtered) == {"orders": 8900.0, "parcels": 100.0}


def test_the_inner_side_of_a_nested_loop_counts_for_every_outer_row() -> None:
    outer, again = orders(50.0, rows=20), inner(scan("(p.b = o.a)"))
    kept = inner(node("Materialize", 101.0, scan("(p.b = $1)")))

    assert costs(node("Nested Loop", 2100.0, outer, again)) == {"orders": 50.0, "parcels": 2000.0}
    assert costs(node("Nested Loop", 250.0, outer, kept)) == {"orders": 50.0, "parcels": 100.0}
    assert costs(node("Hash Join", 2100.0, outer, again)) == {"orders": 50.0, "parcels": 100.0}


def test_a_limit_ends_what_is_below_it_early() -> None:
    assert costs(node("Limit", 2.0, scan("(p.a = $1)"))) == {"parcels": 2.0}


def test_the_dearest_is_taken_and_only_where_it_is_half_of_the_plan() -> None:
    both = (orders(120.0), inner(scan("(p.b = $1)")))

    found = dearest(node("Hash Join", 240.0, *both))

    assert isinstance(found, Scan)
    assert found.table == "orders"
    assert "all of public.orders is 48.0 %" in str(dearest(node("Hash Join", 250.0, *both)))
    assert "reads no table whole" in str(dearest(node("Index Scan", 8.0)))


def test_a_name_is_always_the_same_and_never_too_long() -> None:
    assert index_name("parcels", ("receiver", "sent")) == "poolmedic_parcels_receiver_sent"
    long, other = index_name("ä" * 40, ("receiver",)), index_name("ä" * 40, ("sender",))
    assert long == index_name("ä" * 40, ("receiver",)) != other
    assert len(long.encode()) <= 63
