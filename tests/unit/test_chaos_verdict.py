"""What the judge of chaos makes of the requests that PostgreSQL wrote down."""

from typing import Any

import pytest

from bench.chaos.verdict import judge_requests


def request(pid: int, *, signalled: bool) -> dict[str, Any]:
    return {"request": "terminate_session", "pid": pid, "signalled": signalled}


@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        ([request(1, signalled=True), request(2, signalled=True)], []),
        ([request(1, signalled=False), request(1, signalled=True)], []),
        ([request(1, signalled=True), request(1, signalled=True)], ["twice"]),
        ([request(3, signalled=False)], []),
        ([request(3, signalled=False), request(3, signalled=False)], ["twice"]),
        ([request(3, signalled=True)], ["foreign"]),
        ([request(3, signalled=False), request(3, signalled=True)], ["foreign", "twice"]),
        ([request(4, signalled=True)], ["foreign"]),
        ([request(4, signalled=False)], ["foreign"]),
    ],
)
def test_only_what_was_listed_and_works_again_is_asked_for_in_vain(
    asked: list[dict[str, Any]], kinds: list[str]
) -> None:
    assert [each.kind for each in judge_requests(asked, pids={1, 2}, listed={3})] == kinds
