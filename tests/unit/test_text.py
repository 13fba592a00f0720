"""Text from outside, made fit to be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import cases
from tests.unit.scenes import NOW
from workflows.approval import UnreadableAnswer, read_name
from workflows.models.alert import Alert
from workflows.models.approval import Answer
from workflows.models.text import MOST_LABELS, clean


def test_plain_text_stays() -> None:
    assert clean("Deploying v2, back at 5 — Ada Ž") == "Deploying v2, back at 5 — Ada Ž"


def test_control_and_direction_characters_go() -> None:
    assert clean("a\x00b\x1b[31mc\r\nd\u202ee\u200bf") == "a b [31mc d e f"


def test_long_text_is_cut_and_says_so() -> None:
    assert clean("a" * 50, 10) == "a" * 9 + "…"
    assert clean("a" * 10, 10) == "a" * 10
    assert clean(" " * 100 + "a", 10) == "…"


@given(st.text(), st.integers(1, 60))
def test_the_result_is_one_printable_line_of_bounded_length(text: str, limit: int) -> None:
    line = clean(text, limit)
    assert len(line) <= limit
    assert line.isprintable()
    assert clean(line, limit) == line


@given(st.text(max_size=3000), st.dictionaries(st.text(max_size=300), st.text(max_size=3000), max_size=200))
def test_what_an_alert_or_an_answer_says_is_bounded_and_stays_so(text: str, labels: dict[str, str]) -> None:
    first = cases.alert(cases.target(), NOW)
    alert = Alert.model_validate(
        first.model_dump() | {"name": text, "fingerprint": text, "labels": labels, "annotations": labels}
    )
    answer = Answer(request=text, approve=True, by=text, reason=text)
    said = [alert.name, alert.fingerprint, *alert.labels.values(), answer.request, answer.by, answer.reason]
    assert all(one.isprintable() and len(one) <= 1024 for one in said)
    assert len(alert.model_dump_json()) < 1_000_000
    assert Alert.model_validate_json(alert.model_dump_json()) == alert
    assert Answer.model_validate_json(answer.model_dump_json()) == answer


def test_each_text_that_comes_in_is_cut_to_its_own_length() -> None:
    long = "x" * 5000
    answer = Answer(request=long, approve=True, by=long, reason=long)
    alert = cases.alert(cases.target(), NOW, labels={long: long})
    ((key, value),) = alert.labels.items()
    assert [len(each) for each in (answer.request, answer.by, answer.reason)] == [100, 100, 300]
    assert [len(each) for each in (key, value)] == [128, 1024]


def test_labels_that_were_left_out_are_counted() -> None:
    labels = {f"label-{number:03}": "x" for number in range(100)}
    alert = cases.alert(cases.target(), NOW, labels=labels)
    assert len(alert.labels) == MOST_LABELS
    assert alert.labels["…"] == "37 more were left out"


def test_a_name_of_more_than_a_line_is_cut_where_it_comes_in() -> None:
    assert read_name(({"by": "ada\n# closed" + "x" * 1_000_000},)) == "ada # closed" + "x" * 87 + "…"


@pytest.mark.parametrize("name", ["", "  ", "\n" * 5000 + "ada", "\u200b", "…", "--"])
def test_a_name_without_a_letter_is_none(name: str) -> None:
    with pytest.raises(UnreadableAnswer, match="no name"):
        read_name((name,))


@pytest.mark.parametrize("name", ["poolmedic", " PoolMedic "])
def test_nobody_acknowledges_in_the_name_of_the_program(name: str) -> None:
    with pytest.raises(UnreadableAnswer, match="no name of a person"):
        read_name(({"by": name},))
