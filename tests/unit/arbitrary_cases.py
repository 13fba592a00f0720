"""Arbitrary targets, policies and attempts: what people may configure, and an incident may have tried."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from tests.unit import scenes
from tests.unit.arbitrary import NAMES
from tests.unit.arbitrary_sessions import sessions
from tests.unit.scenes import NOW
from workflows.models.diagnosis import Cause
from workflows.models.outcome import Attempt, Outcome, OutcomeStatus, Touched
from workflows.models.plan import Proposal, Restart, Termination
from workflows.models.policy import Mode, Option, Permission, Policy
from workflows.models.target import Target


def targets() -> st.SearchStrategy[Target]:
    """One to three instances, with and without what the options need."""

    def build(
        count: int,
        pooler: bool,
        reload: bool,
        contained: bool,
        surge: float,
        named: bool,
        cores: int | None,
    ) -> Target:
        subject = scenes.target(count, surge=surge, reload={"file": "/run/pool.json"} if reload else None)
        subject = subject if contained else scenes.with_instance(subject, "web-1", container=None)
        identifier = "7300000000000000001" if named else None
        return scenes.with_database(
            subject, transaction_pooler=pooler, system_identifier=identifier, cores=cores
        )

    rarely = st.sampled_from((False, False, False, True))
    mostly = rarely.map(lambda value: not value)
    cores = st.none() | st.integers(1, 100)
    return st.builds(build, st.integers(1, 3), rarely, mostly, mostly, st.floats(1, 3), st.booleans(), cores)


def policies() -> st.SearchStrategy[Policy]:
    """Every mode and permission, small and large limits."""
    permissions = st.fixed_dictionaries({option: st.sampled_from(Permission) for option in Option})
    usual = st.just(dict.fromkeys(Option, Permission.ALONE))
    limits = st.fixed_dictionaries(
        {
            "sessions_per_act": st.integers(1, 12),
            "share_of_sessions": st.floats(0.01, 1),
            "attempts_per_option": st.integers(1, 4),
            "acts_per_hour": st.integers(1, 8),
            "resize_factor": st.floats(1.01, 5),
        }
    )
    return st.builds(
        lambda mode, options, limit: scenes.policy(mode=mode, options=options, limits=limit),
        st.sampled_from(Mode),
        usual | permissions | st.just({}),
        limits,
    )


def attempts() -> st.SearchStrategy[tuple[Attempt, ...]]:
    """Acts of this incident, in the order of their times."""

    def proposal(act: Any) -> Proposal:
        return Proposal(
            act=act,
            cause=Cause.LEAK,
            why="",
            effect="",
            risk="",
            permission=Permission.ALONE,
        )

    acts = st.one_of(
        st.lists(sessions().map(lambda each: each.identity), max_size=5).map(
            lambda every: Termination(sessions=tuple(every))
        ),
        st.sampled_from(NAMES).map(
            lambda name: Restart(instance=name, container="c", container_id="aaaa", started_at=scenes.STARTED)
        ),
    )
    outcome = st.builds(
        Outcome,
        status=st.sampled_from(OutcomeStatus),
        touched=st.lists(
            st.builds(Touched, what=st.just("x"), changed=st.booleans(), result=st.just("")), max_size=5
        ).map(tuple),
    )
    one = st.builds(
        Attempt,
        proposal=acts.map(proposal),
        decided_by=st.just("poolmedic"),
        at=st.integers(1, 4000).map(lambda ago: NOW - timedelta(seconds=ago)),
        outcome=outcome,
        helped=st.sampled_from((None, True, False)),
    )
    return (st.just([]) | st.lists(one, max_size=4)).map(
        lambda every: tuple(sorted(every, key=lambda each: each.at))
    )
