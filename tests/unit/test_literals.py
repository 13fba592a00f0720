"""No literal of a statement survives, however it is written."""

import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.literals import mask_literals

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("sql", "masked"),
    [
        ("SELECT * FROM t1 WHERE id = $1", "SELECT * FROM t1 WHERE id = $1"),
        ("SELECT 'a''b', E'c\\'d', x.y FROM \"My T\"", 'SELECT ?, ?, x.y FROM "My T"'),
        ("SELECT 1, -2.5, 1e-5, 0x1F, 1_000, .5, a[3]", "SELECT ?, -?, ?, ?, ?, ?, a[?]"),
        ("ALTER ROLE shop PASSWORD 'hunter2'", "ALTER ROLE shop PASSWORD ?"),
        ("DO $body$ hunter2 $$ hunter2 $body$ LANGUAGE sql", "DO ? LANGUAGE sql"),
        ("SELECT $$hunter2$$, a$b$c", "SELECT ?, a$b$c"),
        ("/* a /* b */ hunter2 */ SELECT 1 -- hunter2\n, x", "SELECT ? , x"),
        ("SET app.user = hunter2; SELECT 1", "SET app.user = ?; SELECT ?"),
        ('SET LOCAL app . user TO hunter2, hunter2, "hunter2 x"', "SET LOCAL app . user TO ?"),
        ('set session "app"."user"=hunter2', 'set session "app"."user"=?'),
        ("ALTER ROLE shop SET app.user = /* x */ hunter2", "ALTER ROLE shop SET app.user = ?"),
        (
            "ALTER ROLE shop IN DATABASE shop SET api_key TO hunter2",
            "ALTER ROLE shop IN DATABASE shop SET api_key TO ?",
        ),
        ("SET app.user TO DEFAULT", "SET app.user TO DEFAULT"),
        ("SET search_path TO shop, public", "SET search_path TO shop, public"),
        ("SET statement_timeout = default", "SET statement_timeout = default"),
        ("UPDATE t SET a = b, c = $1 WHERE d = e", "UPDATE t SET a = b, c = $1 WHERE d = e"),
        (
            "UPDATE t SET password = $1, token = crypt($2, a) WHERE b = c",
            "UPDATE t SET password = $1, token = crypt($2, a) WHERE b = c",
        ),
        (
            "UPDATE t SET password = hunter2, a = b WHERE c = d",
            "UPDATE t SET password = ?, a = b WHERE c = d",
        ),
        ("SELECT U&'x', N'x', B'1', X'F'", "SELECT ?, ?, ?, ?"),
    ],
)
def test_keeps_the_shape_and_masks_the_rest(sql: str, masked: str) -> None:
    assert mask_literals(sql) == masked


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'hunter2",
        "SELECT 'a\\', 'hunter2'",
        "SELECT 'a\\'hunter2'",
        "SELECT E'a\\'hunter2'",
        "SELECT $x$ hunter2",
        "SELECT /* hunter2",
        'SELECT "hunter2',
        "SELECT 'a''hunter2",
    ],
)
def test_what_is_cut_or_ambiguous_is_masked_to_the_end(sql: str) -> None:
    assert SECRET not in mask_literals(sql)


TEXT = st.text(alphabet="ab'\"\\$-/*\n ;é", max_size=12)


@given(TEXT, TEXT, TEXT)
def test_a_quoted_secret_never_survives(before: str, inside: str, after: str) -> None:
    quoted = (inside + SECRET).replace("'", "''")
    assert SECRET not in mask_literals(f"SELECT '{quoted}', '{after.replace(chr(39), chr(39) * 2)}'")
    assert SECRET not in mask_literals(f"{before.replace(chr(39), '')} E'{SECRET}'")


@pytest.mark.parametrize(
    "piece", ["SET ", "SET a.", "SET a.b = ", "SET a.b = c,", 'SET "', '""', "a.", "SET a.b="]
)
def test_no_statement_takes_longer_than_its_length(piece: str) -> None:
    """Four times as long takes 16 times at most, and some; 64 where parts are given back and read again."""

    def seconds(length: int) -> float:
        sql = (piece * length)[:length]
        return min(timeit.repeat(lambda: mask_literals(sql), number=1, repeat=3))

    assert seconds(8_000) < 24 * max(seconds(2_000), 0.001)


@given(st.text())
def test_any_text_is_taken_and_masking_again_changes_nothing(text: str) -> None:
    once = mask_literals(text)
    assert mask_literals(once) == once
