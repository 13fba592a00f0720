"""Where a fault can have an effect: in which kinds of incident, and at which of their steps. Pure."""

from __future__ import annotations

from collections.abc import Callable

from bench.chaos.moments import (
    ACCEPTED,
    ACTING,
    ASKING,
    BY_CHANCE,
    CLEAR,
    INVESTIGATING,
    NO_ALERT,
    REPORTING,
    RESIZED,
    TO_ACT,
    TO_PAGE,
    UNACKNOWLEDGED,
)
from bench.chaos.plays import Play
from workflows.models.diagnosis import Cause
from workflows.models.policy import Option

type Suits = Callable[[Play, str], bool]

_BEFORE_ANY_LOOK = {NO_ALERT, ACCEPTED}
_LOOKED_AGAIN = {INVESTIGATING, TO_PAGE, UNACKNOWLEDGED}
"""Where nothing may be done, every source is asked again and again."""


def is_before_the_alert(_play: Play, moment: str) -> bool:
    return moment == NO_ALERT


def is_listed(play: Play, moment: str) -> bool:
    """Only of a leak whoever is idle in a transaction is listed; of a lock, whoever is in front."""
    return play.scenario.ends_sessions and play.scenario.cause is Cause.LEAK and moment == TO_ACT


def is_in_a_restart(play: Play, moment: str) -> bool:
    return play.scenario.restarts and moment == ACTING


def is_in_an_incident(_play: Play, moment: str) -> bool:
    """Before it, somebody else would have healed the pool before anybody was told of it."""
    return moment not in {NO_ALERT, BY_CHANCE}


def ends_sessions_later(play: Play, moment: str) -> bool:
    """The statement is still to come."""
    return play.scenario.ends_sessions and _is_before_the_act(play, moment)


def has_sessions_to_end(play: Play, moment: str) -> bool:
    """Somebody has forgotten some, and nobody has ended them yet."""
    scenario = play.scenario
    has_some = not scenario.resizes and scenario.cause is not Cause.HOLD
    steps = {ACCEPTED, INVESTIGATING, TO_PAGE, ASKING, TO_ACT, ACTING, UNACKNOWLEDGED}
    is_early = _is_before_the_act(play, moment) or play.act is None or moment == ACTING
    return has_some and moment in steps and is_early


def writes_a_report_next(_play: Play, moment: str) -> bool:
    return moment in {CLEAR, REPORTING}


def asks(source: str) -> Suits:
    """Whether this source is asked at that step, or soon after it."""
    return _ASKED[source]


def _is_before_the_act(play: Play, moment: str) -> bool:
    """What comes side by side with an act that needs nobody's word may come after it."""
    asked = {TO_PAGE, ASKING} if play.scenario.asks else set[str]()
    return play.act is not None and moment in {*_BEFORE_ANY_LOOK, INVESTIGATING, *asked, TO_ACT}


def _at_any(_play: Play, moment: str) -> bool:
    """By chance it may be over before."""
    return moment != BY_CHANCE


def _database(play: Play, moment: str) -> bool:
    is_acted_on = bool(play.scenario.acts & {Option.TERMINATE, Option.CANCEL})
    return _at_a_look(play, moment) or (is_acted_on and _is_before_the_act(play, moment))


def _engine(play: Play, moment: str) -> bool:
    scenario = play.scenario
    is_acted_on = scenario.restarts or scenario.resizes
    is_before = is_acted_on and _is_before_the_act(play, moment)
    return _at_a_look(play, moment) or is_before or (scenario.resizes and moment == RESIZED)


def _at_a_look(play: Play, moment: str) -> bool:
    return moment in _BEFORE_ANY_LOOK or (play.act is None and moment in _LOOKED_AGAIN)


_ASKED: dict[str, Suits] = {
    "Prometheus": _at_any,
    # For silences alone.
    "Alertmanager": _is_before_the_act,
    "the page": _at_any,
    "the receiver": _at_any,
    "the engine": _engine,
    "the database": _database,
}
