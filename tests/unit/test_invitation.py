"""A link to take an incident: signed, for one incident, for a while, by any key of a rotation."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.invitation import PATH, VALID, Invitation, Invitations
from activities.signed_link import LinkRefused

OLD, NEW = "old-key-0123456789", "new-key-0123456789"
PUBLIC = "https://poolmedic.example/on-call/"
ONE = Invitation(target="shop", run="0196a2f4-0000-7000-8000-000000000001")


def token_of(link: str) -> str:
    address, _, token = link.rpartition("/")
    assert address == f"https://poolmedic.example/on-call{PATH}"
    return token


def test_a_link_says_which_incident_it_is_for() -> None:
    invitations = Invitations((NEW,), PUBLIC)
    assert invitations.read(token_of(invitations.link(ONE))) == ONE


def test_every_key_is_known_and_the_first_signs() -> None:
    both, old, new = (Invitations(keys, PUBLIC) for keys in ((NEW, OLD), (OLD,), (NEW,)))
    assert both.read(token_of(old.link(ONE))) == ONE
    assert new.read(token_of(both.link(ONE))) == ONE
    with pytest.raises(LinkRefused, match="not known here"):
        old.read(token_of(both.link(ONE)))


@pytest.mark.parametrize("place", [0, 10, -2])
def test_an_altered_link_is_refused(place: int) -> None:
    invitations = Invitations((NEW,), PUBLIC)
    token = token_of(invitations.link(ONE))
    other = "A" if token[place] != "A" else "B"
    altered = token[:place] + other + token[place:][1:]
    with pytest.raises(LinkRefused):
        invitations.read(altered)


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "\u2603", "x" * 10_000, "eyJ9.a.b"])
def test_what_is_no_link_is_refused(token: str) -> None:
    with pytest.raises(LinkRefused):
        Invitations((NEW,), PUBLIC).read(token)


def test_a_link_is_valid_for_a_week(monkeypatch: pytest.MonkeyPatch) -> None:
    invitations = Invitations((NEW,), PUBLIC)
    token = token_of(invitations.link(ONE))
    now = datetime.now(UTC)
    for later, is_valid in ((VALID - timedelta(minutes=1), True), (VALID + timedelta(minutes=1), False)):
        monkeypatch.setattr("time.time", (now + later).timestamp)
        if is_valid:
            assert invitations.read(token) == ONE
        else:
            with pytest.raises(LinkRefused, match="too old: it was made on"):
                invitations.read(token)


def test_a_link_of_a_machine_whose_clock_is_ahead_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    invitations = Invitations((NEW,), PUBLIC)
    ahead = datetime.now(UTC) + timedelta(minutes=3)
    with monkeypatch.context() as there:
        there.setattr("time.time", ahead.timestamp)
        token = token_of(invitations.link(ONE))
    with pytest.raises(LinkRefused, match="still to come: two clocks differ"):
        invitations.read(token)
