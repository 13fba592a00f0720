"""What is told of an index's gain: only what two tallies of the same statistics really say."""

from workflows.gain import compare
from workflows.models.index import QueryTally


def tally(calls: int, seconds: float, **more: object) -> QueryTally:
    fields = {"query_id": 7, "calls": calls, "total_seconds": seconds, "cost": 8.0, **more}
    return QueryTally.model_validate(fields)


def test_the_mean_is_that_of_the_calls_between_two_tallies() -> None:
    said = compare(tally(100, 50.0, began="noon"), tally(110, 50.02, began="noon"), 0.5)

    assert said == (
        "query 7 took 2 ms on average over 10 calls that ended since the index; before it, 500 ms over all "
        "calls since the statistics began, cancelled ones not counted"
    )


def test_the_mean_before_is_left_out_where_it_is_not_known() -> None:
    assert compare(tally(0, 0.0), tally(1, 0.5), None).endswith("over 1 call that ended since the index")


def test_calls_that_were_under_way_are_told_as_begun_before_it() -> None:
    said = compare(tally(100, 50.0, running=3), tally(110, 80.0), None)

    assert said.endswith("over 10 calls that ended since the index, of which up to 3 began before it")
    assert "of which up to 1 began" in compare(tally(100, 50.0, running=3), tally(101, 80.0), None)


def test_without_a_call_it_is_not_known() -> None:
    said = compare(tally(100, 50.0), tally(100, 50.0), 0.5)

    assert said == "no call of query 7 has come to its end since, so its gain is not known"


def test_after_a_reset_it_is_not_known() -> None:
    anew = "the server began to count query 7 anew meanwhile, so its gain is not known"

    assert compare(tally(100, 50.0, began="noon"), tally(200, 51.0, began="one"), 0.5) == anew
    assert compare(tally(100, 50.0), tally(3, 51.0), 0.5) == anew
    assert compare(tally(100, 50.0), tally(200, 1.0), 0.5) == anew
    assert compare(tally(100, 50.0), tally(100, 1.0), 0.5) == anew
    assert compare(tally(100, 50.0, began="noon"), tally(100, 50.0, began="one"), 0.5) == anew


def test_a_time_of_the_counting_that_is_not_known_is_no_reset() -> None:
    assert "took 10 ms" in compare(tally(100, 50.0, began="noon"), tally(200, 51.0), 0.5)
