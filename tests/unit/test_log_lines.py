"""No value of a statement and no credential survives in a line of a log, in prose or as JSON."""

import json
import time
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.log_lines import continued, mask_line

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        (
            """{"msg":"pool timeout: SELECT x WHERE email = 'hunter2@example.com' AND id = 4711"}""",
            '{"msg":"pool timeout: SELECT x WHERE email = ? AND id = ?"}',
        ),
        (
            "can't get a connection: SELECT x WHERE email = 'hunter2@example.com'",
            "can’t get a connection: SELECT x WHERE email = ?",
        ),
        ("DETAIL: Key (email)=(hunter2 (x), y) already exists.", "DETAIL: Key (email)=(?) already exists."),
        ("Failing row contains (4711, hunter2, null).", "Failing row contains (?)."),
        ("Failing row contains (4711, hunter2", "Failing row contains (?"),
        ('invalid input syntax for type uuid: "hunter2"', "invalid input syntax for type uuid: ?"),
        ('pool of 20: WHERE name = "hunter2"', "pool of ?: WHERE name = ?"),
        ('pool said "hunter2 and more" at once', "pool said ? at once"),
        ('pool said "a hunter2 b" and "c', "pool said ?"),
        ("pool, parameters: (1, hunter2)", "pool, parameters:?"),
        ('SELECT $1 [["email", "hunter2"]]', "SELECT $1 [[?"),
        ("binding parameter [1] as [VARCHAR] - [hunter2]", "binding parameter?"),
        ("pool of shop:hunter2@tcp(db)/shop", "pool of ?(db)/shop"),
        ("mailed hunter2@example.com.", "mailed ?"),
        ('pool: password: \\"hunter2\\", full', "pool: password: ?"),
        (
            '{"pool":"main","pw":"hunter2","jwt":[1],"ok":true}',
            '{"pool":"main","pw":"?","jwt":"?","ok":true}',
        ),
        ('{"text":"SELECT $1","values":["hunter2"]}', '{"text":"SELECT $1","values":"?"}'),
        ('{"a":{"name":"password","value":"hunter2"}}', '{"a":{"name":"?","value":"?"}}'),
        (
            '{"args":["Authorization","hunter2"],"a":["password","hunter2"]}',
            '{"args":"?","a":["password","?"]}',
        ),
        (
            '{"log":"{\\"pw\\":\\"hunter2\\",\\"a\\":\\"b\\"}"}',
            '{"log":"{\\"pw\\":\\"?\\",\\"a\\":\\"b\\"}"}',
        ),
        ('{"hunter2 x@y":1,"a":"b","a":"c"}', '{"?":"?","a":"b","a":"c"}'),
        ('INFO pool {"pool": "main", "secret": "hunter2"}', 'INFO pool {"pool":"main","secret":"?"}'),
        ('params {"email": "hunter2"}', "params {?"),
    ],
)
def test_a_value_is_masked_where_it_stands(line: str, masked: str) -> None:
    assert mask_line(line) == masked


@pytest.mark.parametrize(
    "line",
    [
        "hunter2 of the line before' AND id = 5",
        "hunter2', 'b', 'hunter2",
        "x 'alice's y 'hunter2's z",
        "x 'y' don't hunter2",
        "LIKE'hunter2' AND x LIKE'hunter2'",
        "like's hunter2' AND x like's c'",
        "E'hunter2' AND x = E'a\\'hunter2'",
        "the servers' pool of 'hunter2",
        '{"msg":"pool of hunter2',
        "WHERE a = 'x\" AND b = \"hunter2 y'",
        "Key (note)=(dear :) hunter2,",
        '"a 5\\" b" of "hunter2 c',
        "Cookie: session=hunter2; theme=hunter2",
        "parameters: $1 = 'hunter2', $2 = hunter2",
    ],
)
def test_what_is_cut_or_ambiguous_is_masked_as_a_whole(line: str) -> None:
    assert SECRET not in mask_line(line)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("can't get a connection, it's full", "can’t get a connection, it’s full"),
        (
            'relation "orders" of pool "main-1" has no index',
            'relation "orders" of pool "main-1" has no index',
        ),
        ('"o"."id" = "p"."order_id"', '"o"."id" = "p"."order_id"'),
        ("PgConnection@5d1e09bc is not closed", "PgConnection@? is not closed"),
        ("HikariPool-1 - request timed out after 30s", "HikariPool-? - request timed out after ?"),
        ('{"level": "error", "msg": "pool is full"}', '{"level":"error","msg":"pool is full"}'),
        ("[pool] is full, see http://wiki/pools", "[pool] is full, see http://wiki/pools"),
    ],
)
def test_what_operators_need_stays(line: str, told: str) -> None:
    assert mask_line(line) == told


def test_a_line_within_a_literal_of_a_line_before_is_known() -> None:
    assert list(continued(["x = 'a", "b", "c' AND", "pool"])) == [False, True, True, False]
    assert list(continued(["x = 'a", "2026-03-01 pool", "pool"])) == [False, False, False]
    assert list(continued(["x = 'a", *["b"] * 30])).count(True) == 20
    assert not any(continued(['{"a":"x = \'a"}', "b", "can't", "b", "users' pool", "b"]))


@pytest.mark.parametrize(
    "lines",
    [
        ["Key (a)=(b :) c,", "(d), e", "f :) h", "g)."],
        ["Key (a)=(b) conflicts with existing key (a)=(b", "c)."],
        ['x = "a \\"b" of "c', 'd \\" e', '"f"', 'g"'],
        ['{\\"a\\": \\"b', 'c\\"'],
        ["params: [", "[a], :)", "{", "}", "]"],
        ["args: a,", "b,", "c"],
        ["params:", "(", "a", ")"],
        ['"token":', "", '"a"'],
        ['"api key": [', "a", "[b]", "]"],
        ["password: [a]] pw = [b", "]"],
        ['{"token":', '"a"}'],
        ["secret: |", *["a"] * 20],
        ["x = 'a", "b', params: [", "]"],
        ["Key (a)=(b", "c) already exists. x = 'd", "e'"],
    ],
)
def test_what_lines_have_opened_goes_on_to_its_end(lines: list[str]) -> None:
    assert list(continued([*lines, "pool"])) == [False, *[True] * (len(lines) - 1), False]


@pytest.mark.parametrize(
    "line",
    [
        "Key (a)=(:( b) already exists.",
        "Schlüssel »(a)=(b)« existiert bereits.",
        "Key (a)=(b) conflicts with existing key (a)=(b).",
        'a disk of 5" in the pool',
        "binding parameter [1] as [VARCHAR] - [a]",
        "PoolStats (total=10, waiting=5), args: (1, 2) in 5 ms",
        '  "token": "a", "pool":',
        "    fn(*args, **kwargs)",
        '["a = \'b", "token: ["]',
        "[" * 4000,
    ],
)
def test_a_line_that_leaves_nothing_open_hides_none(line: str) -> None:
    assert not any(continued([line, "pool"]))


PIECE = st.sampled_from(
    ["'", '"', "\\", "(", ")", ")=(", "=", ":", "{", "[", ",", "@", "-", "é", " ", "a", "n't ", "it's", "5"]
)
PIECES = st.lists(PIECE, max_size=8).map("".join)
PROSE = st.sampled_from(
    ["pool:", "can't:", "the pool's", 'relation "orders"', "20 of 20", "isn't", "E", "x@y.z"]
)


@given(st.lists(PROSE, max_size=4), PIECES, PIECES, PIECES, st.lists(PROSE, max_size=3))
def test_a_literal_never_survives(
    before: list[str], inside: str, behind: str, another: str, after: list[str]
) -> None:
    first, second = (text.replace("'", "''") for text in (f"{inside}{SECRET}{behind}", another))
    line = " ".join([*before, f"SELECT a WHERE b = '{first}' AND c = '{second}'", *after])
    assert SECRET not in mask_line(line)
    assert SECRET not in mask_line(json.dumps({"msg": line, "pool": 20}))
    assert SECRET not in mask_line(f"INFO {json.dumps({'msg': line})}")


@given(PIECES, st.sampled_from(["password", "pw", "userToken", "set-cookie"]), PIECES)
def test_no_value_of_a_secret_s_name_survives_in_json(before: str, name: str, behind: str) -> None:
    for value in (f"{before}{SECRET}{behind}", [before, SECRET], {before: SECRET}):
        assert SECRET not in mask_line(json.dumps({"pool": before, name: value, "a": behind}))


@given(st.text() | PIECES | PIECES.map(lambda text: json.dumps({"a": [text, 1.5, None]})))
def test_any_line_is_taken(line: str) -> None:
    assert isinstance(mask_line(line), str)


def test_what_is_nested_too_deeply_is_not_told() -> None:
    assert mask_line("[" * 4000 + '"hunter2"' + "]" * 4000) == "?"


@pytest.mark.parametrize(
    "piece",
    [
        "'",
        '"',
        "a'",
        "can't ",
        "a@",
        "a@b ",
        ")=(",
        "params",
        "[",
        '{"a":',
        '{"a":"b",',
        '\\"',
        "$a$",
        "=",
        "é",
        "\\",
        "pw=[",
        "token: ",
        "api key",
    ],
)
@pytest.mark.parametrize("before", ["", "'", '{"a":"'])
def test_no_line_takes_longer_than_its_length(before: str, piece: str) -> None:
    """Four times as long takes 16 times at most, and some; 64 where parts are given back and read again."""

    def seconds(length: int) -> float:
        line = (before + piece * length)[:length]
        lines = ["token:", *[line] * 3]
        read = (lambda: mask_line(line), lambda: list(continued(lines)))
        return sum(min(timeit.repeat(each, timer=time.thread_time, number=1, repeat=5)) for each in read)

    assert seconds(8_000) < 24 * max(seconds(2_000), 0.001)
