"""A link to answer a request: signed, one person's, for one effect, and for nothing once it expired."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.ballot import AFTERGLOW, PATH, Ballot, Ballots
from activities.invitation import Invitation, Invitations
from activities.signed_link import LinkRefused

KEY = "key-of-links-0123456789"
PUBLIC = "https://poolmedic.example/on-call"
RUN = "0196a2f4-0000-7000-8000-000000000001"


def ballot(**changes: object) -> Ballot:
    until = datetime.now(UTC) + timedelta(minutes=10)
    fields = {"target": "shop", "run": RUN, "request": "r1", "by": "ada", "digest": "d" * 32, "until": until}
    return Ballot.model_validate({**fields, **changes})


def token_of(link: str) -> str:
    address, _, token = link.rpartition("/")
    assert address == f"{PUBLIC}{PATH}"
    return token


def test_a_link_says_who_may_answer_what() -> None:
    ballots, one = Ballots((KEY,), PUBLIC), ballot(by="Ада Лавлейс")
    assert ballots.read(token_of(ballots.link(one))) == one


@pytest.mark.parametrize("place", [0, 10, 60, -2])
def test_an_altered_link_is_refused(place: int) -> None:
    ballots = Ballots((KEY,), PUBLIC)
    token = token_of(ballots.link(ballot()))
    other = "A" if token[place] != "A" else "B"
    signs = list(token)
    signs[place] = other
    with pytest.raises(LinkRefused, match="not whole"):
        ballots.read("".join(signs))


def test_a_link_to_acknowledge_is_none_to_answer_and_the_other_way_round() -> None:
    ballots, invitations = Ballots((KEY,), PUBLIC), Invitations((KEY,), PUBLIC)
    invitation = invitations.link(Invitation(target="shop", run=RUN)).rpartition("/")[2]
    with pytest.raises(LinkRefused):
        ballots.read(invitation)
    with pytest.raises(LinkRefused):
        invitations.read(token_of(ballots.link(ballot())))


def test_a_link_of_a_stranger_is_refused() -> None:
    with pytest.raises(LinkRefused, match="not known here"):
        Ballots((KEY,), PUBLIC).read(token_of(Ballots(("another-key-0123456789",), PUBLIC).link(ballot())))


def test_after_its_request_a_link_tells_for_a_day_what_became_of_it() -> None:
    ballots, now = Ballots((KEY,), PUBLIC), datetime.now(UTC)
    fresh = ballot(until=now - AFTERGLOW + timedelta(minutes=1))
    assert ballots.read(token_of(ballots.link(fresh))) == fresh
    old = ballots.link(ballot(until=now - AFTERGLOW - timedelta(minutes=1)))
    with pytest.raises(LinkRefused, match="too old: it was good until"):
        ballots.read(token_of(old))
