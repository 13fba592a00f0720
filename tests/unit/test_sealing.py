"""What is sealed comes back as it was, or not at all."""

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.runtime import Runtime

from tests.unit.test_payload_keys import KEY, OTHER, SECRET
from tests.unit.test_payloads import JSON, payload, read
from worker.errors import PayloadSealed
from worker.payload_keys import LONGEST_ID, PayloadKey
from worker.sealing import Sealing, sealing_converter
from worker.temporal import connect
from workflows.errors import SourceRefused
from workflows.models.alert import Alert
from workflows.payloads import OpenPayloadConverter

NEW, OLD = PayloadKey("new", SECRET), PayloadKey("old", SECRET[::-1])
BOTH, ONLY_OLD, NONE = Sealing([NEW, OLD]), Sealing([OLD]), Sealing([])
PLAIN = payload(b'"the-mark"')

PAYLOADS = st.builds(
    lambda data, metadata: Payload(data=data, metadata=metadata),
    JSON | st.binary(max_size=400),
    st.dictionaries(st.text(max_size=8).filter(lambda name: name != "poolmedic-key"), st.binary(max_size=20)),
)


@given(PAYLOADS)
def test_it_comes_back_as_it_was(given: Payload) -> None:
    sealed = BOTH.seal(given)
    assert BOTH.open(sealed) == given
    assert sealed.metadata["encoding"] == b"binary/encrypted"
    assert sealed.metadata["poolmedic-key"] == b"new"


def test_nothing_of_it_can_be_read_and_no_two_are_alike() -> None:
    sealed = [BOTH.seal(PLAIN) for _ in range(100)]
    assert not any(b"the-mark" in one.SerializeToString() for one in sealed)
    assert not any(b"json/plain" in one.SerializeToString() for one in sealed)
    assert len({one.data[:12] for one in sealed}) == 100


@given(PAYLOADS)
def test_what_was_not_sealed_is_left_as_it_is(given: Payload) -> None:
    assert BOTH.open(given) == given
    assert NONE.open(given) == NONE.seal(given) == given


async def test_the_first_key_seals_and_every_key_opens() -> None:
    of_old = ONLY_OLD.seal(PLAIN)
    assert await BOTH.decode([of_old, BOTH.seal(PLAIN), PLAIN]) == [PLAIN] * 3
    (of_both,) = await BOTH.encode([PLAIN])
    assert Sealing([NEW]).open(of_both) == PLAIN


@pytest.mark.parametrize("sealing", [ONLY_OLD, NONE])
def test_a_key_that_is_not_there_is_named_with_the_setting(sealing: Sealing) -> None:
    with pytest.raises(PayloadSealed, match="the key 'new', which POOLMEDIC_PAYLOAD_KEYS does not hold"):
        sealing.open(BOTH.seal(PLAIN))


def test_another_key_under_the_same_id_is_told() -> None:
    with pytest.raises(PayloadSealed) as refusal:
        Sealing([PayloadKey("new", OLD.secret)]).open(BOTH.seal(PLAIN))
    assert "'new' does not open" in str(refusal.value)
    assert "POOLMEDIC_PAYLOAD_KEYS holds another key" in str(refusal.value)
    assert not any(part in str(refusal.value) for part in (KEY, OTHER))


def test_it_can_seal_as_another_was_sealed() -> None:
    assert ONLY_OLD.open(BOTH.like(ONLY_OLD.seal(PLAIN)).seal(PLAIN)) == PLAIN
    as_plain = BOTH.like(PLAIN)
    assert as_plain.seal(PLAIN) == PLAIN
    assert as_plain.open(BOTH.seal(PLAIN)) == PLAIN
    with pytest.raises(PayloadSealed, match="'new'"):
        ONLY_OLD.like(BOTH.seal(PLAIN))


@given(st.data())
def test_no_changed_bit_is_overlooked(data: st.DataObject) -> None:
    sealed = BOTH.seal(PLAIN)
    place = data.draw(st.integers(0, len(sealed.data) - 1))
    changed = bytearray(sealed.data)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(PayloadSealed):
        BOTH.open(Payload(metadata=sealed.metadata, data=bytes(changed)))


@pytest.mark.parametrize("length", [0, 1, 11, 12, 27, 28, -1])
def test_nothing_may_be_missing(length: int) -> None:
    sealed = BOTH.seal(PLAIN)
    with pytest.raises(PayloadSealed):
        BOTH.open(Payload(metadata=sealed.metadata, data=sealed.data[:length]))


@pytest.mark.parametrize(
    "changed",
    [
        {"poolmedic-key": b"old"},
        {"poolmedic-key": b""},
        {"poolmedic-key": b"\xff"},
        {"encoding": b"json/plain"},
        {"encoding": b""},
        {"messageType": b"x"},
    ],
)
def test_no_metadata_can_be_exchanged(changed: dict[str, bytes]) -> None:
    sealed = BOTH.seal(PLAIN)
    with pytest.raises(PayloadSealed):
        BOTH.open(Payload(metadata={**sealed.metadata, **changed}, data=sealed.data))


def test_no_part_of_one_fits_another() -> None:
    one, other = BOTH.seal(PLAIN), BOTH.seal(payload(b'"another"'))
    with pytest.raises(PayloadSealed):
        BOTH.open(Payload(metadata=one.metadata, data=one.data[:12] + other.data[12:]))


async def test_without_its_mark_a_sealed_one_is_no_value() -> None:
    sealed = BOTH.seal(PLAIN)
    del sealed.metadata["poolmedic-key"]
    converter = sealing_converter([NEW])
    assert await converter.decode([sealed]) == [RawValue(sealed)]
    with pytest.raises(KeyError, match="binary/encrypted"):
        await converter.decode([sealed], [str])


async def test_a_signal_without_the_key_arrives_and_what_others_encrypted_is_told_unread() -> None:
    converter = sealing_converter([NEW, OLD])
    foreign = payload(b"{}", b"binary/encrypted")
    sent = [BOTH.seal(PLAIN), PLAIN, foreign, payload(b"approve a1b2")]
    opened = await BOTH.decode(sent)
    assert read(opened) == ("the-mark", "the-mark", RawValue(foreign), RawValue(sent[3]))
    assert await converter.decode(sent[:2]) == ["the-mark"] * 2


async def test_a_value_of_a_wrong_type_is_an_error_still() -> None:
    converter = sealing_converter([NEW])
    with pytest.raises(ValueError, match="validation error"):
        await converter.decode(await converter.encode([{}]), [Alert])


def _failure() -> ActivityError:
    failure = ActivityError(
        "Activity task failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="x",
        activity_type="read_database",
        activity_id="1",
        retry_state=None,
    )
    failure.__cause__ = SourceRefused("the-mark is refused")
    failure.__cause__.__cause__ = ApplicationError("the-mark itself", {"row": "the-mark"})
    return failure


async def test_messages_of_failures_are_sealed_with_all_their_causes_and_come_back() -> None:
    converter, told = sealing_converter([NEW]), Failure()
    await converter.encode_failure(_failure(), told)
    assert "the-mark" not in str(told)
    assert "the-mark" not in str(MessageToDict(told))
    assert told.cause.application_failure_info.type == "SourceRefused"
    back = await converter.decode_failure(told)
    assert isinstance(back.__cause__, ApplicationError)
    assert (back.__cause__.message, back.__cause__.type) == ("the-mark is refused", "SourceRefused")
    assert isinstance(back.__cause__.__cause__, ApplicationError)
    assert back.__cause__.__cause__.details == ({"row": "the-mark"},)
    again = Failure()
    await converter.encode_failure(back, again)
    assert "the-mark" not in str(again)


async def test_without_keys_failures_stay_readable() -> None:
    told = Failure()
    await sealing_converter([]).encode_failure(SourceRefused("the-mark"), told)
    assert told.message == "the-mark"


def test_the_longest_line_for_the_temporal_ui_stays_within_the_servers_limit() -> None:
    """400 bytes for a summary; ours have at most 200 characters."""
    sealing = Sealing([PayloadKey("k" * LONGEST_ID, SECRET)])
    assert sealing.seal(payload(b'"' + b"x" * 200 + b'"')).ByteSize() <= 400


async def test_every_client_seals_once_there_are_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLMEDIC_PAYLOAD_KEYS", f"new:{KEY}, old:{OTHER}")
    client = await connect(Runtime.default(), lazy=True)
    assert client.data_converter.payload_converter_class is OpenPayloadConverter
    (sealed,) = await client.data_converter.encode(["the-mark"])
    assert BOTH.open(sealed) == PLAIN
    monkeypatch.delenv("POOLMEDIC_PAYLOAD_KEYS")
    client = await connect(Runtime.default(), lazy=True)
    assert await client.data_converter.encode(["the-mark"]) == [PLAIN]
    with pytest.raises(PayloadSealed, match="'new'"):
        await client.data_converter.decode([sealed])
