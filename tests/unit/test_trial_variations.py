"""Variations of recorded runs: seeded, leaving the truth as it is, and told rightly."""

from random import Random

import pytest

from bench.diagnosis.draws import SCENARIOS
from bench.diagnosis.judgement import UNDECIDED, judge
from bench.diagnosis.record import Made, Record
from bench.diagnosis.variations import ages, beside, naming, sizes
from bench.diagnosis.variations.varied import LOSING, PRESERVING, Variation, vary
from tests.unit.trials import recorded
from workflows.models.diagnosis import Cause
from workflows.models.evidence import DatabaseReading, PoolState
from workflows.models.reading import Known, value_of

SEEDS = range(3)


def database(record: Record) -> DatabaseReading:
    reading = value_of(record.looks[-1].database)
    assert reading is not None
    return reading


def pool(record: Record) -> PoolState:
    (state,) = record.looks[-1].pools().values()
    assert isinstance(state, Known)
    return state.value


def test_every_scenario_is_recorded() -> None:
    assert set(recorded()) == set(SCENARIOS)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_recorded_run_is_told_rightly(name: str) -> None:
    judgement = judge(recorded()[name])
    assert (judgement.found, judgement.wrong_acts, judgement.wrong_requests) == (
        recorded()[name].truth.cause,
        (),
        (),
    )


def test_a_partner_that_hangs_for_longer_than_a_leak_is_told_by_the_requests_under_way() -> None:
    """Recorded before anybody had come back; told by nothing else, sessions would be ended."""
    record = recorded()["hold"]
    untold = record.with_pools(lambda _name, pool: pool.model_copy(update={"in_flight": None}))
    assert judge(record).step == "calls people"
    assert judge(untold).found == Cause.LEAK
    assert "the cause is hold, not leak" in judge(untold).wrong_acts[0]


def test_beside_a_slow_query_that_holds_just_too_little_no_pool_is_enlarged() -> None:
    """As the trial found it: more instances and honest work, so that less than half runs the slow query."""
    lesser = 0
    for seed in range(20):
        busier = sizes.add_honest(recorded()["slow"], Random(seed))
        assert busier is not None
        varied = beside.add_instance(busier, Random(seed))
        assert varied is not None
        lesser += judge(varied).found == Cause.UNKNOWN
        assert judge(varied).wrong_acts == ()
    assert lesser


@pytest.mark.parametrize("variation", PRESERVING.values(), ids=list(PRESERVING))
def test_what_preserves_the_truth_is_told_rightly(variation: Variation) -> None:
    fitting = 0
    for record in recorded().values():
        for seed in SEEDS:
            varied = variation(record, Random(seed))
            if varied is None:
                continue
            fitting += 1
            judgement = judge(varied)
            assert (judgement.found, judgement.wrong_acts) == (record.truth.cause, ()), (record.name, seed)
    assert fitting >= len(recorded())


@pytest.mark.parametrize("variation", LOSING.values(), ids=list(LOSING))
def test_what_takes_something_away_never_leads_to_an_act_on_another_cause(variation: Variation) -> None:
    cautious = 0
    for record in recorded().values():
        for seed in range(8):
            varied = variation(record, Random(seed))
            assert varied is not None
            judgement = judge(varied)
            assert judgement.wrong_acts == (), (record.name, seed)
            cautious += judgement.found in (Cause.UNKNOWN, UNDECIDED)
    assert cautious or variation in (LOSING["no blockers"], LOSING["no page of one instance"])


def test_the_same_seed_gives_the_same_records() -> None:
    records = list(recorded().values())
    assert list(map(repr, vary(records, 6, seed=4))) == list(map(repr, vary(records, 6, seed=4)))
    assert list(map(repr, vary(records, 6, seed=4))) != list(map(repr, vary(records, 6, seed=5)))


def test_each_variation_comes_in_turn_and_names_itself() -> None:
    varied = vary(list(recorded().values()), 12, seed=1)
    assert {name for each in varied for name in each.variations} == {*PRESERVING, *LOSING}
    assert all(each.variations for each in varied)
    for each in varied:
        assert each.is_complete is not any(name in LOSING for name in each.variations)


def test_other_names_leave_no_trace_of_the_old_ones() -> None:
    record = recorded()["instances"]
    text = naming.rename(record, Random(1)).model_dump_json(exclude={"circumstances"})
    old = [record.target.name, *(each.name for each in record.target.instances)]
    assert not [name for name in old if f'"{name}"' in text]


def test_other_pids_are_the_same_ones_everywhere() -> None:
    record = recorded()["lock"]
    varied = naming.renumber(record, Random(1))
    (made,) = varied.truth.sessions
    waiting = [each for each in database(varied).sessions if made.pid in each.blocked_by]
    before = [each for each in database(record).sessions if record.truth.sessions[0].pid in each.blocked_by]
    assert len(waiting) == len(before) > 0
    assert made.pid != record.truth.sessions[0].pid


def test_a_larger_pool_has_as_many_times_everything_and_one_in_front() -> None:
    record = recorded()["lock"]
    varied = sizes.enlarge(record, Random(1))
    assert varied is not None
    factor = pool(varied).size // pool(record).size
    assert factor in (2, 3)
    assert pool(varied).active == factor * pool(record).active
    assert database(varied).sessions_total == factor * database(record).sessions_total
    assert len({each.identity.pid for each in database(varied).sessions}) == len(database(varied).sessions)
    assert varied.truth.sessions == record.truth.sessions


def test_in_a_larger_pool_the_fault_left_more() -> None:
    record = recorded()["leak"]
    varied = sizes.enlarge(record, Random(1))
    assert varied is not None
    made = {Made.of(each.identity) for each in database(varied).sessions} & set(varied.truth.sessions)
    assert len(made) == len(varied.truth.sessions) > len(record.truth.sessions)


def test_one_more_instance_is_in_every_source() -> None:
    record = recorded()["leak"]
    varied = beside.add_instance(record, Random(1))
    assert varied is not None
    names = [each.name for each in varied.target.instances]
    look = varied.looks[-1]
    assert len(names) == 2
    for source in (look.metrics, look.application, look.containers):
        assert isinstance(source, Known)
        assert sorted(source.value.instances) == sorted(names)


def test_an_older_fault_is_older_and_nothing_else_is() -> None:
    record = recorded()["leak"]
    varied = ages.age(record, Random(1))
    assert varied is not None
    before, now = database(record).sessions, database(varied).sessions
    older = {
        old.identity.pid
        for old, new in zip(before, now, strict=True)
        if new.state_seconds > old.state_seconds
    }
    assert older == {each.pid for each in record.truth.sessions}
