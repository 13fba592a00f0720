"""How payloads are read: the one converter that worker, tests and replayer share."""

from collections.abc import Sequence
from typing import Any, override

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter


class OpenPayloadConverter(PydanticPayloadConverter):
    """Whatever arrives without a type arrives: what cannot be decoded comes as a `RawValue`.

    Signals have no type here, and the SDK drops one that it cannot decode without a trace in the incident.
    So the handler gets it, records that it was not understood, and people are told.
    """

    @override
    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        if type_hints is not None:
            return super().from_payloads(payloads, type_hints)
        return [self._open(payload) for payload in payloads]

    def _open(self, payload: Payload) -> Any:  # noqa: ANN401 - whatever was sent
        try:
            (value,) = super().from_payloads([payload])
        except Exception:  # noqa: BLE001 - each encoding has errors of its own
            return RawValue(payload)
        return value


converter = DataConverter(payload_converter_class=OpenPayloadConverter)
