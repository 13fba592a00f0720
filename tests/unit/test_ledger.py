"""What a database server allows at a time: one act, as often as the policy says, in the slots there are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows import ledger as books
from workflows.models.permit import Ledger, Order, PermitAnswer, PermitRequest, Release, Stop
from workflows.models.policy import Option

NOW = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
LEASE = timedelta(minutes=4)


def request(target: str = "shop", number: int = 1, **changes: Any) -> PermitRequest:
    given: dict[str, Any] = {"option": Option.TERMINATE, "lasts": LEASE, "acts_per_hour": 6}
    return PermitRequest(database="main", target=target, id=f"{target}/{number}", **(given | changes))


def ask(ledger: Ledger, asked: PermitRequest, after: timedelta = timedelta()) -> tuple[Ledger, PermitAnswer]:
    return books.grant(ledger, asked, NOW + after)


def granted(ledger: Ledger, asked: PermitRequest, after: timedelta = timedelta()) -> Ledger:
    ledger, answer = ask(ledger, asked, after)
    assert answer.is_granted, answer
    return ledger


def released(ledger: Ledger, id: str, *, has_changed: bool = True) -> Ledger:  # noqa: A002
    return books.release(ledger, Release(id=id, has_changed=has_changed), NOW)


def stop(target: str | None = None) -> Stop:
    return Stop(by="anna", why='a "migration"', at=NOW, target=target)


def test_one_act_at_a_time_whoever_it_is_for() -> None:
    ledger = granted(Ledger(), request("shop"))
    same, answer = ask(ledger, request("mail"))
    assert not answer.is_granted
    assert "terminate of shop, until 03:04:00 UTC" in str(answer.refusal)
    assert answer.until == NOW + LEASE
    assert same == ledger


def test_asked_again_it_is_answered_the_same_and_counted_once() -> None:
    ledger = granted(Ledger(), request("shop"))
    assert granted(ledger, request("shop")) == ledger


def test_a_permit_given_back_lets_the_next_one_act() -> None:
    ledger = granted(Ledger(), request("shop"))
    granted(released(ledger, "shop/1"), request("mail"))


def test_a_permit_is_given_back_by_its_holder_alone() -> None:
    ledger = granted(Ledger(), request("shop"))
    assert released(ledger, "mail/1").model_copy(update={"over": ()}) == ledger


def test_a_lease_ends_though_its_holder_died() -> None:
    ledger = granted(Ledger(), request("shop"))
    assert not ask(ledger, request("mail"), LEASE - timedelta(seconds=1))[1].is_granted
    granted(ledger, request("mail"), LEASE)


def test_a_run_is_not_held_up_by_its_own_lost_act_and_another_run_of_the_target_is() -> None:
    ledger = granted(Ledger(), request("shop", 1))
    granted(ledger, request("shop", 2))
    assert ask(ledger, request("shop", 3).model_copy(update={"id": "revert/1"}))[1].until == NOW + LEASE


def test_a_lost_act_keeps_others_out_though_its_run_has_acted_since() -> None:
    """It may be under way yet: its worker was frozen or cut off, or an engine waits for a container."""
    ledger = granted(Ledger(), request("shop", 1))
    ledger = granted(ledger, request("shop", 2), timedelta(seconds=14))
    assert [line.partition(",")[0] for line in books.describe(ledger)] == ["under way: terminate of shop"] * 2
    ledger = released(ledger, "shop/2")
    assert ask(ledger, request("mail"), timedelta(seconds=16))[1].until == NOW + LEASE
    granted(released(ledger, "shop/1"), request("mail"), timedelta(seconds=16))
    granted(ledger, request("mail"), LEASE)


def test_the_longest_lease_is_the_one_that_is_waited_for() -> None:
    ledger = granted(granted(Ledger(), request("shop", 1)), request("shop", 2), timedelta(seconds=14))
    assert ask(ledger, request("mail"))[1].until == NOW + LEASE + timedelta(seconds=14)


def test_a_lost_act_that_asks_again_is_counted_once() -> None:
    ledger = granted(granted(Ledger(), request("shop", 1)), request("shop", 2))
    assert granted(ledger, request("shop", 1)) == ledger


def test_the_one_permit_of_an_earlier_version_is_read() -> None:
    (permit,) = granted(Ledger(), request("shop")).permits
    assert Ledger.model_validate({"permit": permit.model_dump(), "done": []}).permits == (permit,)
    assert Ledger.model_validate({"permit": None}) == Ledger()


def test_an_index_neither_waits_for_an_act_nor_holds_one_up() -> None:
    index = request("mail", option=Option.INDEX)
    ledger = granted(Ledger(), request("shop"))
    assert granted(ledger, index).permits == ledger.permits
    granted(granted(Ledger(), index), request("shop"))


@pytest.mark.parametrize(("paused", "denied"), [(None, {"shop", "mail"}), ("shop", {"shop"})])
def test_what_is_paused_is_denied_with_who_and_why(paused: str | None, denied: set[str]) -> None:
    ledger = books.pause(Ledger(), stop(paused))
    for target in ("shop", "mail"):
        same, answer = ask(ledger, request(target))
        assert answer.is_granted == (target not in denied)
        if target in denied:
            assert 'by "anna" since 2026-05-04 03:00 UTC: "a \'migration\'"' in str(answer.paused)
            assert same == ledger


def test_a_pause_is_told_to_an_act_that_was_granted_and_has_not_begun() -> None:
    ledger = books.pause(granted(Ledger(), request()), stop())
    assert ask(ledger, request())[1].paused


def test_acts_are_paused_since_the_oldest_pause_that_holds() -> None:
    later = stop("mail").model_copy(update={"at": NOW + LEASE})
    ledger = books.pause(books.pause(Ledger(), stop("shop")), later)
    assert books.paused_since(ledger) == NOW
    assert books.paused_since(books.resume(ledger, "shop")) == NOW + LEASE
    assert books.paused_since(Ledger()) is None


def test_each_pause_is_taken_back_by_itself() -> None:
    both = books.pause(books.pause(Ledger(), stop()), stop("shop"))
    assert books.stopped(books.resume(both, None), "shop")
    assert books.stopped(books.resume(both, "shop"), "shop")
    assert books.resume(books.resume(both, None), "shop") == Ledger()


def test_one_pause_more_than_are_kept_pauses_all_and_none_is_dropped() -> None:
    ledger = Ledger()
    for number in range(500):
        ledger = books.pause(ledger, stop(f"shop-{number}"))
    assert not books.stopped(ledger, "mail")
    assert books.pause(ledger, stop("shop-7")) == books.pause(books.resume(ledger, "shop-7"), stop("shop-7"))
    full = books.pause(ledger, stop("mail"))
    (told,) = {books.stopped(full, name) for name in ("mail", "news")}
    assert "all targets of this database" in str(told)
    assert 'by "anna" since 2026-05-04 03:00 UTC: "mail is one more than the 500 pauses' in str(told)
    assert books.resume(full, None) == ledger
    assert books.pause(books.pause(full, stop("mail")), stop("news")).stops[:-1] == full.stops[:-1]


def test_acts_on_a_target_are_counted_over_all_its_incidents() -> None:
    ledger = Ledger()
    for number in range(3):
        asked = request("shop", number, acts_per_hour=3)
        ledger = released(granted(ledger, asked, timedelta(minutes=number)), asked.id)
    late = timedelta(minutes=59)
    assert "3 acts on this target" in str(ask(ledger, request("shop", 9, acts_per_hour=3), late)[1].refusal)
    granted(ledger, request("mail", 9, acts_per_hour=3), late)
    back = granted(ledger, request("shop", 9, acts_per_hour=None), late)
    assert back.done == ledger.done
    granted(ledger, request("shop", 9, acts_per_hour=3), timedelta(minutes=60))


def test_an_act_that_changed_nothing_does_not_count() -> None:
    asked = request("shop", 1, growth=5, option=Option.RESIZE, promised_for=LEASE)
    ledger = released(granted(Ledger(), asked), asked.id, has_changed=False)
    assert ledger.model_copy(update={"over": ()}) == Ledger()


def test_a_permit_that_is_asked_for_after_its_act_was_given_up_is_refused_and_holds_nobody_up() -> None:
    """No answer came in time, and the release was faster than the question, or than its second asking."""
    asked = request("shop", 1, growth=5, option=Option.RESIZE, promised_for=LEASE)
    for before in (Ledger(), granted(Ledger(), asked)):
        ledger, answer = ask(released(before, asked.id, has_changed=False), asked, LEASE)
        assert "given up" in str(answer.refusal)
        assert (ledger.permits, ledger.done, ledger.promises) == ((), (), ())
        granted(ledger, request("mail"), LEASE)


def test_acts_that_are_over_are_remembered_for_minutes_and_no_more_than_a_thousand() -> None:
    ledger = Ledger()
    for number in range(1100):
        ledger = books.forget(released(ledger, f"shop/{number}"), NOW)
    assert [each.id for each in ledger.over] == [f"shop/{number}" for number in range(100, 1100)]
    assert books.forget(ledger, NOW + timedelta(minutes=5)) == Ledger()


def test_the_cooldown_holds_from_one_incident_to_the_next() -> None:
    rest = timedelta(minutes=10)
    ledger = released(granted(Ledger(), request()), "shop/1")
    refused = ask(ledger, request("shop", 2, cooldown=rest), timedelta(minutes=4))[1]
    assert refused.refusal == "cooldown after the last act on this target: 6 min left"
    assert refused.until == NOW + rest
    granted(ledger, request("shop", 2, cooldown=rest), rest)


def test_an_option_s_own_cooldown_counts_from_its_last_act_and_the_longer_one_holds() -> None:
    restart: dict[str, Any] = {"option": Option.RESTART, "own_cooldown": timedelta(minutes=30)}
    ledger = released(granted(Ledger(), request("shop", 1, **restart)), "shop/1")
    ledger = released(granted(ledger, request("shop", 2), timedelta(minutes=10)), "shop/2")

    refused = ask(ledger, request("shop", 3, **restart, cooldown=LEASE), timedelta(minutes=12))[1]
    assert refused.refusal == "cooldown after the last restart on this target: 18 min left"
    assert refused.until == NOW + timedelta(minutes=30)
    refused = ask(ledger, request("shop", 3, **restart, cooldown=timedelta(hours=1)), 3 * LEASE)[1]
    assert refused.refusal == "cooldown after the last act on this target: 58 min left"
    assert refused.until == NOW + timedelta(minutes=70)

    granted(ledger, request("shop", 3, own_cooldown=timedelta(minutes=2)), timedelta(minutes=12))
    granted(ledger, request("mail", 1, **restart), timedelta(minutes=12))
    granted(ledger, request("shop", 3, **restart), timedelta(minutes=30))


def resize(target: str, number: int = 1, **changes: Any) -> PermitRequest:
    given: dict[str, Any] = {"option": Option.RESIZE, "growth": 10, "room": 12, "promised_for": 10 * LEASE}
    return request(target, number, **(given | changes))


def test_slots_promised_to_one_target_are_not_given_to_another() -> None:
    ledger = released(granted(Ledger(), resize("shop")), "shop/1")
    refusal = ask(ledger, resize("mail", room=9))[1].refusal
    assert refusal == "the server's free slots are promised: 10 to shop; 9 would be left"
    granted(ledger, resize("mail", room=10))
    granted(ledger, request("mail", room=0))


def test_a_resize_that_changed_nothing_leaves_the_slots_of_the_size_before_it() -> None:
    """That one was kept by a person, and is in use."""
    ledger = released(granted(Ledger(), resize("shop")), "shop/1")
    ledger = granted(ledger, resize("shop", 2, growth=15, room=20))
    both = ask(released(ledger, "shop/2"), resize("mail", room=14))[1].refusal
    assert both == "the server's free slots are promised: 15 to shop; 14 would be left"
    ledger = released(ledger, "shop/2", has_changed=False)
    one = ask(ledger, resize("mail", room=9))[1].refusal
    assert one == "the server's free slots are promised: 10 to shop; 9 would be left"


def test_no_more_slots_are_promised_than_are_kept() -> None:
    ledger = Ledger()
    for number in range(500):
        name = f"shop-{number}"
        ledger = released(granted(ledger, resize(name, growth=1, room=1000)), f"{name}/1")
    refusal = ask(ledger, resize("mail", growth=1, room=1000))[1].refusal
    assert refusal == "slots are promised to 500 targets, and no more than 500 are kept"
    assert granted(ledger, resize("shop-7", 2, growth=2, room=1000)).promises[-1].slots == 2
    granted(ledger, resize("mail", growth=0))
    granted(ledger, request("mail"))


def test_slots_are_free_again_once_the_size_was_taken_back_or_its_time_is_over() -> None:
    """And not while that is only tried: the pool stays as large as it is if it fails."""
    ledger = released(granted(Ledger(), resize("shop")), "shop/1")
    assert granted(ledger, resize("shop", 2, growth=0)).promises == ledger.promises
    assert books.promise(ledger, "shop", None).promises == ()
    assert books.forget(ledger, NOW + 10 * LEASE).promises == ()
    (longer,) = books.promise(ledger, "shop", NOW + 20 * LEASE).promises
    assert (longer.slots, longer.until) == (10, NOW + 20 * LEASE)


def test_every_line_that_is_shown_names_what_is_in_force() -> None:
    ledger = books.pause(granted(Ledger(), resize("shop")), stop())
    paused, under_way, promised = books.describe(ledger)
    assert "paused: all targets of this database" in paused
    assert under_way == "under way: resize of shop, until 03:04:00 UTC at most"
    assert promised == "promised: 10 slots to shop until 2026-05-04 03:40 UTC"
    assert books.describe(Ledger()) == ["nothing is under way, paused or promised"]


def test_the_last_ten_orders_are_kept_with_who_and_why() -> None:
    ledger = books.note(Ledger(), Order(by="zoe", why="first"), NOW, is_pause=True)
    for number in range(10):
        order = Order(by="anna", why=f'"{number}"', target="shop")
        ledger = books.note(ledger, order, NOW + timedelta(minutes=number), is_pause=number % 2 == 0)
    assert len(ledger.orders) == 10
    told = books.orders(books.forget(ledger, NOW + timedelta(days=400)))
    assert told[0] == '2026-05-04 03:09 UTC resumed shop, by "anna": "\'9\'"'
    assert told[-1] == '2026-05-04 03:00 UTC paused shop, by "anna": "\'0\'"'
    assert Ledger.model_validate_json(ledger.model_dump_json()).orders == ledger.orders


def test_an_order_needs_the_name_of_a_person() -> None:
    for name in ("", "poolmedic", "  "):
        with pytest.raises(ValueError, match="by"):
            Order(by=name, why="x")


STEPS = st.tuples(
    st.sampled_from(["ask", "release", "pause", "resume"]),
    st.sampled_from(["shop", "mail", "news"]),
    st.integers(0, 3),
    st.integers(0, 300),
)


@given(st.lists(STEPS, max_size=30))
def test_whatever_is_asked_in_whatever_order_no_two_acts_meet_and_no_paused_one_is_granted(
    steps: list[tuple[str, str, int, int]],
) -> None:
    ledger, now, held = Ledger(), NOW, dict[tuple[str, str], datetime]()
    paused = set[str]()
    for what, target, number, seconds in steps:
        now += timedelta(seconds=seconds)
        asked = request(target, number, acts_per_hour=None)
        if what == "ask":
            is_asked_again = any(each.id == asked.id for each in ledger.permits)
            ledger, answer = books.grant(ledger, asked, now)
            if answer.is_granted:
                assert target not in paused
                assert all(until <= now for (other, _), until in held.items() if other != target)
                # Asked again, it has its time from before.
                if not (is_asked_again and held[target, asked.id] > now):
                    held[target, asked.id] = now + LEASE
        elif what == "release":
            held.pop((target, asked.id), None)
            ledger = books.release(ledger, Release(id=asked.id), now)
        elif what == "pause":
            ledger = books.pause(ledger, stop(target))
            paused.add(target)
        else:
            ledger = books.resume(ledger, target)
            paused.discard(target)
