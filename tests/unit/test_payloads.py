"""No payload is dropped, whatever its bytes: it is read, or it is told that it could not be."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.converter import DefaultPayloadConverter
from temporalio.runtime import Runtime

from worker.temporal import connect
from workflows.approval import UnreadableAnswer, read_answer, read_name
from workflows.models.alert import Alert
from workflows.models.approval import Channel
from workflows.payloads import OpenPayloadConverter, converter

ENCODINGS = [one.encoding for one in DefaultPayloadConverter.default_encoding_payload_converters]
JSON = st.sampled_from(
    [
        b'{"request": "a1b2", "by": "ada"}',
        b'{"request": "\\ud800", "by": "ada"}',
        b'"ada"',
        b"approve a1b2",
        b"\xff\xfe",
        b"[" * 10_000,
        b"9" * 5_000,
        b"NaN",
    ]
)


def payload(data: bytes, encoding: bytes | None = b"json/plain") -> Payload:
    return Payload(metadata={} if encoding is None else {"encoding": encoding}, data=data)


def read(payloads: list[Payload]) -> tuple[object, ...]:
    """As a signal's handler gets them."""
    return tuple(converter.payload_converter.from_payloads(payloads, None))


PAYLOADS = st.builds(
    payload,
    JSON | st.binary(max_size=40),
    st.sampled_from([name.encode() for name in ENCODINGS]) | st.none() | st.binary(max_size=12),
)


@given(st.lists(PAYLOADS, max_size=3))
def test_every_payload_arrives_and_is_read_or_refused(sent: list[Payload]) -> None:
    got = read(sent)
    assert len(got) == len(sent)
    with suppress(UnreadableAnswer):
        read_answer(got, approve=True)
    with suppress(UnreadableAnswer):
        read_name(got)
    for one in got:
        with pytest.raises((ValueError, TypeError)):
            Alert.model_validate(one)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"\xff\xfe", b"json/plain"),
        (b"approve a1b2", b"json/plain"),
        (b'{"request": "\\ud800", "by": "ada"}', b"json/plain"),
        (b"{}", b"binary/encrypted"),
        (b"{}", b"\xff"),
        (b"{}", None),
    ],
)
def test_what_cannot_be_decoded_comes_as_it_is(data: bytes, encoding: bytes | None) -> None:
    sent = payload(data, encoding)
    assert read([sent, payload(b'"ada"')]) == (RawValue(sent), "ada")
    with pytest.raises(UnreadableAnswer):
        read_answer(read([sent]), approve=True)


def test_what_the_way_says_is_not_the_senders_to_say() -> None:
    sent = {"request": "a1b2", "by": "ada", "approve": True, "channel": "update"}
    answer = read_answer((sent,), approve=False, channel=Channel.SIGNAL)
    assert (answer.approve, answer.channel) == (False, Channel.SIGNAL)


def test_where_a_type_is_asked_a_wrong_payload_is_an_error() -> None:
    with pytest.raises(ValueError, match="validation error"):
        converter.payload_converter.from_payloads([payload(b"{}")], [Alert])


async def test_every_process_reads_them_so() -> None:
    client = await connect(Runtime.default(), lazy=True)
    assert client.data_converter.payload_converter_class is OpenPayloadConverter
