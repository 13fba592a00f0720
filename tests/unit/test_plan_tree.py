"""What a plan says of tables that are read whole: columns that choose the rows, in any spelling of them."""

from typing import Any

import pytest

from activities.indexes import index_name
from activities.plan_tree import scans


def scan(condition: str, alias: str = "p", **more: Any) -> dict[str, Any]:
    return {
        "Node Type": "Seq Scan",
        "Schema": "public",
        "Relation Name": "parcels",
        "Alias": alias,
        "Filter": condition,
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
        "",
    ],
)
def test_everything_else_is_not(condition: str) -> None:
    assert list(scans(scan(condition))) == []


def test_every_part_of_the_plan_is_looked_at() -> None:
    inner = scan("(parcels.order_id = orders.id)", alias="parcels")
    plan = {
        "Node Type": "Aggregate",
        "Plans": [{"Node Type": "Seq Scan", "Plans": [inner]}, scan("(p.a = $1)")],
    }

    assert [found.equal for found in scans(plan)] == [("order_id",), ("a",)]


def test_a_name_is_always_the_same_and_never_too_long() -> None:
    assert index_name("parcels", ("receiver", "sent")) == "poolmedic_parcels_receiver_sent"
    long, other = index_name("ä" * 40, ("receiver",)), index_name("ä" * 40, ("sender",))
    assert long == index_name("ä" * 40, ("receiver",)) != other
    assert len(long.encode()) <= 63
