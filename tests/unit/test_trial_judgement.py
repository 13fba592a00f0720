"""The trial's judgement and its matrix: wrong answers and wrong acts are seen, and fail the bar."""

from datetime import timedelta
from pathlib import Path

import pytest

from bench.diagnosis.__main__ import parse_arguments, run
from bench.diagnosis.judgement import UNDECIDED, judge
from bench.diagnosis.matrix import draw_matrix, score, sum_up, write_result
from bench.diagnosis.record import Record
from bench.diagnosis.variations.varied import vary
from tests.unit.trials import recorded
from workflows.models.diagnosis import Cause


def with_truth(record: Record, **update: object) -> Record:
    return record.model_copy(update={"truth": record.truth.model_copy(update=update)})


def with_thresholds(record: Record, **update: object) -> Record:
    thresholds = record.policy.thresholds.model_copy(update=update)
    return record.model_copy(update={"policy": record.policy.model_copy(update={"thresholds": thresholds})})


def test_a_folder_without_records_is_said_to_be_so_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere, folder = tmp_path / "nosuch", tmp_path / "bench"
    code = run(parse_arguments(["--recorded", str(nowhere), "--folder", str(folder)]))
    assert code == 1
    assert capsys.readouterr().out == f"no records in {nowhere}\n"
    assert not folder.exists()


@pytest.mark.parametrize("name", ["leak", "idle-leak"])
def test_an_act_on_a_wrong_cause_is_a_wrong_act(name: str) -> None:
    judgement = judge(with_truth(recorded()[name], cause=Cause.HOLD, options=frozenset()))
    assert len(judgement.wrong_acts) == 1
    assert "the cause is hold" in judgement.wrong_acts[0]
    assert not score([judgement]).is_met


def test_an_act_on_a_session_that_the_fault_did_not_make_is_a_wrong_act() -> None:
    record = recorded()["leak"]
    spared, *others = record.truth.sessions
    judgement = judge(with_truth(record, sessions=tuple(others)))
    assert judgement.is_right
    assert judgement.wrong_acts[0].endswith(f"not the fault's: {spared.pid} (pid)")
    assert not score([judgement]).is_met


def test_a_restart_elsewhere_is_a_wrong_act() -> None:
    judgement = judge(with_truth(recorded()["idle-leak"], instances=frozenset({"another"})))
    assert "is not where it struck" in judgement.wrong_acts[0]


def test_a_remedy_of_something_else_is_a_wrong_act() -> None:
    judgement = judge(with_truth(recorded()["leak"], options=frozenset()))
    assert "terminate is no remedy for leak" in judgement.wrong_acts[0]


def test_what_a_person_is_asked_first_is_told_apart() -> None:
    judgement = judge(with_truth(recorded()["ddl"], sessions=()))
    assert judgement.wrong_acts == ()
    assert "not the fault's" in judgement.wrong_requests[0]
    assert sum_up([judgement]).asked_wrongly == 1


def test_caution_is_right_only_where_something_is_missing() -> None:
    blind = with_thresholds(recorded()["leak"], leak_age=timedelta(hours=1))
    assert judge(blind).found == UNDECIDED
    assert not judge(blind).is_right
    assert judge(blind.model_copy(update={"is_complete": False})).is_right


def test_another_cause_is_wrong_though_something_is_missing() -> None:
    mistaken = with_truth(recorded()["spike"], cause=Cause.LEAK)
    assert not judge(mistaken.model_copy(update={"is_complete": False})).is_right


@pytest.mark.parametrize(
    "threshold",
    [
        {"leak_share": 1.0, "leak_age": timedelta(hours=1)},
        {"spike_factor": 50.0},
        {"idle_leak_age": timedelta(hours=1)},
    ],
)
def test_a_diagnosis_that_is_worse_fails_the_bar(threshold: dict[str, object]) -> None:
    records = list(recorded().values())
    good = [judge(each) for each in (*records, *vary(records, 6, seed=1))]
    assert sum_up(good).is_passed
    worse = [with_thresholds(each, **threshold) for each in records]
    bad = sum_up([judge(each) for each in (*worse, *vary(worse, 6, seed=1))])
    assert not bad.is_passed
    assert bad.wrong


def test_the_bar_wants_real_runs_and_none_void() -> None:
    records = list(recorded().values())
    assert sum_up([judge(each) for each in records]).is_passed
    assert not sum_up([judge(each) for each in records], void=["leak-1: waited 60 s for the alert"]).is_passed
    assert not sum_up([judge(each) for each in vary(records, 2, seed=1)]).is_passed
    assert not sum_up([]).is_passed


def test_the_matrix_counts_every_record_once() -> None:
    records = [recorded()["leak"], recorded()["instances"], recorded()["none"]]
    blind = with_thresholds(recorded()["leak"], leak_age=timedelta(hours=1))
    result = score([judge(each) for each in (*records, blind)])
    assert result.matrix == {"healthy": {"healthy": 1}, "leak": {"leak": 2, "undecided": 1}}
    assert (result.trials, result.right, result.wrong_acts) == (4, 3, 0)
    assert draw_matrix(result.matrix) == [
        "true \\ found  healthy  leak  undecided",
        "healthy             1     .          .",
        "leak                .     2          1",
    ]


def test_the_file_has_what_was_promised(tmp_path: Path) -> None:
    result = sum_up([judge(recorded()["leak"])], command="python -m bench.diagnosis")
    write_result(result, tmp_path / "new" / "diagnosis.json")
    text = (tmp_path / "new" / "diagnosis.json").read_text()
    assert text.index('"trials": 1') < text.index('"right": 1') < text.index('"wrong_acts": 0')
    assert type(result).model_validate_json(text) == result
