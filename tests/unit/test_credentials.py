"""No credential survives that stands in a line as people and programs write one."""

import time
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.credentials import mask_credentials

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            "pool of postgresql://shop:hunter2@db:5432/shop is full",
            "pool of postgresql://?@db:5432/shop is full",
        ),
        ("postgres://shop:hun/ter2@hunter2@db/shop", "postgres://?@db/shop"),
        ("host=db password=hunter2 user=shop", "host=db password=? user=shop"),
        ("DB_PASSWORD='hunter2 and more', 3 waiting", "DB_PASSWORD=?, 3 waiting"),
        ('{"apiKey": "hun\\"ter2", "pool": 20}', '{"apiKey": ?, "pool": 20}'),
        ("Authorization: Bearer hunter2, again", "Authorization: ?, again"),
        ("sent bearer hunter2-and-more", "sent bearer ?"),
        ("GET /?access_key=hunter2&pool=1", "GET /?access_key=?&pool=1"),
        ("PGPASSWORD hunter2 psql", "PGPASSWORD ? psql"),
        ("psql --password hunter2 shop", "psql --password ? shop"),
        ("api key: hunter2, passcode=hunter2", "api key: ?, passcode=?"),
        ("bearer: hunter2", "bearer: ?"),
        ("db_pass=hunter2, dbPass=hunter2", "db_pass=?, dbPass=?"),
        ('{"pw":"hunter2","jwt":"hunter2"}', '{"pw":?,"jwt":?}'),
        ("sent eyJhbGciOiJIUzI1NiJ9.e30.hunter2 again", "sent ? again"),
        ("Cookie: session=hunter2; theme=hunter2", "Cookie: ?"),
        ("Set-Cookie: id=hunter2; Path=/", "Set-Cookie: ?"),
        ('Authorization: Digest username="a", response="hunter2"', "Authorization: ?"),
        ('password: \\"hunter2\\"', "password: ?"),
        ('{\\"password\\":\\"hunter2\\"}', '{\\"password\\":?'),
        ('password="hunter2 and no end', "password=?"),
        ("password='hun''ter2', full", "password=?, full"),
        ('password=SecretStr("hunter2"), full', "password=?), full"),
        ("password=hun,ter2;x", "password=?"),
        ("{password=hunter2,pool=20}", "{password=?,pool=20}"),
        ('tokens: ["hunter2"]', "tokens: ?"),
    ],
)
def test_a_credential_is_masked_where_it_stands(text: str, masked: str) -> None:
    assert mask_credentials(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "HikariPool-1 - Connection is not available, request timed out after 30000ms",
        "QueuePool limit of size 20 overflow 0 reached, connection timed out, timeout 5.00",
        "password authentication failed for user shop",
        "see http://wiki/pools",
        "bypass=true, passed: 3, passenger=1, compass: 2, spw=1",
    ],
)
def test_an_ordinary_line_stays(text: str) -> None:
    assert mask_credentials(text) == text


PART = st.text(alphabet="ab:/@?#%$'\"=,;é", max_size=8)


@given(PART, PART)
def test_no_password_of_an_address_survives(before: str, behind: str) -> None:
    assert SECRET not in mask_credentials(f"to postgresql://shop:{before}{SECRET}{behind}@db/shop now")


@given(st.text())
def test_masking_again_changes_nothing(text: str) -> None:
    once = mask_credentials(text)
    assert mask_credentials(once) == once


@pytest.mark.parametrize("before", ["", "password=", "cookie: ", "--"])
@pytest.mark.parametrize(
    "piece",
    [
        "password", "a", "password ", "token='\\", "bearer ", "://", 'password="', "pass", "pw:", "cookie",
        " --a", "--pass", "pgpassword ", "eyJ", " eyJ-", "jwt", ",a", "password=,a", "a(", "''", " ", "\\",
    ],
)  # fmt: skip
def test_no_line_takes_longer_than_its_length(before: str, piece: str) -> None:
    """Four times as long takes 16 times at most, and some; 64 where parts are given back and read again."""

    def seconds(length: int) -> float:
        line = (before + piece * length)[:length]
        repeated = timeit.repeat(lambda: mask_credentials(line), timer=time.thread_time, number=1, repeat=5)
        return min(repeated)

    assert seconds(8_000) < 24 * max(seconds(2_000), 0.001)
